/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "wire/wire.h"

bool tt_host_clean(const void *name, size_t len, char ret[TT_HOST_MAX])
{
	const unsigned char *p = name;
	size_t n = 0;

	if (len > 2 && p[0] == '[' && p[len - 1] == ']') {
		p++;
		len -= 2;
	}
	if (len > 0 && p[len - 1] == '.')
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = p[i];

		if (n + 5 > TT_HOST_MAX) {
			n = 0;
			break;
		}
		if (c >= 'A' && c <= 'Z')
			ret[n++] = (char)(c - 'A' + 'a');
		else if (c > ' ' && c < 0x7f && c != '\\')
			ret[n++] = (char)c;
		else
			n += (size_t)snprintf(ret + n, 5, "\\%03u", c);
	}
	ret[n] = '\0';
	return n > 0;
}
