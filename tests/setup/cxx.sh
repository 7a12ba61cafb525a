#!/usr/bin/env bash
# Checks that there is a C++ compiler: libFuzzer is built from source.
source "$(dirname "$0")/lib.sh"
need c++ 'install a C++ compiler such as g++: libFuzzer is built with it'
