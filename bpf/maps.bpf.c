/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one definition of every map and setting that the other objects declare. */
#define TT_DEFINE_MAPS
#include "lib/maps.bpf.h"
