#!/bin/sh
echo leak >/sys/module/planted/parameters/do
