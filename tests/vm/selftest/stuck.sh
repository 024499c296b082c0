#!/bin/sh
# A reference to the module that is never dropped.
echo stuck >/sys/module/planted/parameters/do
