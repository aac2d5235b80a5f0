/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs that the verifier is quick to check (docs/design/0003). */
#ifndef TT_BPF_VERIFIER_H
#define TT_BPF_VERIFIER_H

/* Has the verifier know nothing of a number any more, which stays what it is. What it knows of one it follows to the end:
 * everything behind is looked at once for each value, if something depends on it. So a number is best forgotten where the ways
 * meet that gave it its values, unless a bound of it is needed. `any` is one that the verifier knows nothing of. */
#define forget(number, any) asm volatile("%0 ^= %1; %0 ^= %1" : "+r"(number) : "r"((__u64)(any)))

#endif
