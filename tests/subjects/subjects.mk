# SPDX-License-Identifier: Apache-2.0
# Test subjects: programs for telltale to watch. Included by the Makefile.
subjects:
