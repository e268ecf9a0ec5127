#!/usr/bin/env bash
# check_yaml.sh FOLDER
. "$(dirname "$0")/common.sh"
need yamllint

yamllint --strict -c "$(dirname "$0")/yamllint.yaml" "$1"
