#!/bin/sh
echo inversion >/sys/module/planted/parameters/do
