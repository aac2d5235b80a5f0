/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void each_source_has_a_text(void **state)
{
	static const char *const texts[] = {
		"sni", "http-host",   "http-connect",	  "http-proxy", "socks",
		"dns", "getaddrinfo", "systemd-resolved", "nscd",	"hosts"
	};

	for (int i = 0; i <= TT_NAME_HOSTS; i++)
		assert_string_equal(tt_name_source_text((enum tt_name_source)i), texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_source_has_a_text),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
