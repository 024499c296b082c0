#!/bin/sh
# A warning while the module is unloaded.
echo late >/sys/module/planted/parameters/do
