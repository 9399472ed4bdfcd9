#!/bin/sh
# As the relay's wrapper: what Lambda would run ("$@") is replaced by our own Runtime API loop.
exec python3 -m loop
