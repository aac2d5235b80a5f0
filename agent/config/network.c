/* SPDX-License-Identifier: Apache-2.0 */
/* "10.0.0.0/8", "::1/128", "0.0.0.0/0:53" -> address, prefix length, port. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>

#include "util/util.h"

/* Digits up to stop (or the end) as a number of at most max; *p moves behind them. */
static bool parse_digits(const char **p, unsigned max, unsigned *ret)
{
	size_t n = strspn(*p, "0123456789");
	unsigned long value;

	if (!n || n > 5)
		return false;
	value = strtoul(*p, NULL, 10);
	if (value > max)
		return false;
	*p += n;
	*ret = value;
	return true;
}

int tt_config_parse_network(const char *text, struct tt_config_network *ret)
{
	struct tt_config_network network = { 0 };
	const char *slash = strchr(text, '/'), *p;
	char address[INET6_ADDRSTRLEN];
	unsigned bits, port = 0;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, slash - text);
	address[slash - text] = '\0';
	network.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(network.family, address, network.addr) != 1)
		return -EINVAL;
	p = slash + 1;
	if (!parse_digits(&p, network.family == AF_INET ? 32 : 128, &bits))
		return -EINVAL;
	if (*p == ':') {
		p++;
		if (!parse_digits(&p, UINT16_MAX, &port) || !port)
			return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	network.bits = bits;
	network.port = port;
	if (ret)
		*ret = network;
	return 0;
}
