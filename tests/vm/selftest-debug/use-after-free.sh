#!/bin/sh
echo use-after-free >/sys/module/planted/parameters/do
