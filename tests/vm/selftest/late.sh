#!/bin/sh
# A warning that comes only while the module is being unloaded.
echo late >/sys/module/planted/parameters/do
