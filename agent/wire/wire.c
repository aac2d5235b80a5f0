/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

const char *tt_name_source_text(enum tt_name_source source)
{
	static const char *const texts[] = {
		[TT_NAME_SNI] = "sni",
		[TT_NAME_HTTP_HOST] = "http-host",
		[TT_NAME_HTTP_CONNECT] = "http-connect",
		[TT_NAME_HTTP_PROXY] = "http-proxy",
		[TT_NAME_SOCKS] = "socks",
		[TT_NAME_DNS] = "dns",
		[TT_NAME_GETADDRINFO] = "getaddrinfo",
		[TT_NAME_RESOLVED] = "systemd-resolved",
		[TT_NAME_NSCD] = "nscd",
		[TT_NAME_HOSTS] = "hosts",
	};

	return texts[source];
}
