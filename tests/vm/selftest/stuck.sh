#!/bin/sh
# A reference to the module that no one will put.
echo stuck >/sys/module/planted/parameters/do
