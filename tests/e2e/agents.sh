#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real coding agents, unmodified, in the lab: what telltale recorded against what strace saw in the same run.
# Called by `make check-agents`; needs TELLTALE_LAB_DIR, root, npm and strace. Installs the agents.
set -eu
cd "$(dirname "$0")/../.."
export TELLTALE_CONFIG_DIR=${TELLTALE_CONFIG_DIR:-$PWD/config}
exec python3 tests/e2e/agents.py "$@"
