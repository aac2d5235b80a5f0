/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped categories, through the classifier. Runs in the source tree's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "classify/classify.h"
#include "config/config.h"
#include "util/util.h"

static struct tt_classifier *shipped;

static int load_shipped(void **state)
{
	struct tt_config_categories *config = NULL;
	char *message = NULL;
	int r = tt_config_load_categories("config/categories.d", &config, &message);

	if (r < 0)
		fail_msg("%s", message);
	r = tt_classifier_new(config, &shipped);
	tt_config_categories_free(config);
	return r;
}

static int free_shipped(void **state)
{
	tt_classifier_free(shipped);
	return 0;
}

static void assert_category(const char *subject, const char *category, const char *expected)
{
	if (!expected ? category != NULL : !tt_streq(category, expected))
		fail_msg("'%s' is '%s', expected '%s'", subject, category ? category : "(none)",
			 expected ? expected : "(none)");
}

static void paths_have_their_category(void **state)
{
	static const struct {
		const char *path, *home, *category;
	} cases[] = {
		{ "/etc/localtime", NULL, "timezone" },
		{ "/etc/timezone", NULL, "timezone" },
		{ "/usr/share/zoneinfo/Asia/Shanghai", NULL, "timezone" },
		{ "/usr/share/zoneinfo", NULL, "system-library" },
		{ "/x/site-packages/pytz/zoneinfo/Asia/Tokyo", NULL, "timezone" },
		{ "/usr/lib/python3.11/zoneinfo/__init__.py", NULL, "system-library" },
		{ "/usr/lib/locale/locale-archive", NULL, "locale" },
		{ "/home/me/.ssh/id_rsa", NULL, "credential" },
		{ "/home/me/.ssh/deploy_ed25519", NULL, "credential" },
		{ "/home/me/.ssh/id_rsa.pub", NULL, NULL },
		{ "/home/me/.ssh/known_hosts", NULL, "ssh-config" },
		{ "/home/me/.ssh/authorized_keys", NULL, "persistence" },
		{ "/root/.aws/credentials", NULL, "credential" },
		{ "/var/home/me/.aws/credentials", NULL, "credential" },
		{ "/srv/me/.aws/credentials", NULL, NULL },
		{ "/srv/me/.aws/credentials", "/srv/me", "credential" },
		{ "/srv/me/.aws/credentials", "/srv/me/", "credential" },
		{ "/srv/me/.aws/credentials", "/srv/m", NULL },
		{ "/home/me/sub/.aws/credentials", "/home/me/sub", "credential" },
		{ "/home/me/.aws/credentials", "/home/me/sub", "credential" },
		{ "/etc/passwd", "/", "user-database" },
		{ "/home/me/project/.env", NULL, "credential" },
		{ "/home/me/project/.env.local", NULL, "credential" },
		{ "/home/me/project/.environment", NULL, NULL },
		{ "/home/me/x.kdbx", NULL, "credential" },
		{ "/home/me/.config/gh/hosts.yml", NULL, "credential" },
		{ "/home/me/.docker/config.json", NULL, "credential" },
		{ "/home/me/.azure/msal_token_cache.bin", NULL, "credential" },
		{ "/home/me/.password-store/a/b/c.gpg", NULL, "credential" },
		{ "/run/user/1000/containers/auth.json", NULL, "credential" },
		{ "/home/me/.claude/.credentials.json", NULL, "agent-credential" },
		{ "/home/me/.codex/auth.json", NULL, "agent-credential" },
		{ "/home/me/.gemini/oauth_creds.json", NULL, "agent-credential" },
		{ "/home/me/.claude/settings.json", NULL, "agent-config" },
		{ "/src/project/.claude/commands/a/b.md", NULL, "agent-config" },
		{ "/src/project/CLAUDE.md", NULL, "agent-config" },
		{ "/src/project/.mcp.json", NULL, "mcp-config" },
		{ "/src/project/.git/hooks/pre-commit", NULL, "git-hooks" },
		{ "/src/project/.git/config", NULL, "git-config" },
		{ "/etc/machine-id", NULL, "machine-identity" },
		{ "/sys/class/net/eth0/address", NULL, "machine-identity" },
		{ "/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/address", NULL, "machine-identity" },
		{ "/sys/class/net/eth0/speed", NULL, NULL },
		{ "/sys/devices/virtual/dmi/id/product_uuid", NULL, "machine-identity" },
		{ "/proc/1/environ", NULL, "process-environ" },
		{ "/proc/12345/environ", NULL, "process-environ" },
		{ "/proc/self/environ", NULL, NULL },
		{ "/proc/12345/mem", NULL, "process-memory" },
		{ "/proc/12345/stat", NULL, NULL },
		{ "/home/me/.bash_history", NULL, "shell-history" },
		{ "/home/me/.bashrc", NULL, "shell-startup" },
		{ "/home/me/.mozilla/firefox/x.default/cookies.sqlite", NULL, "browser-data" },
		{ "/home/me/.config/google-chrome/Default/Cookies", NULL, "browser-data" },
		{ "/home/me/p/package.json", NULL, "package-manifest" },
		{ "/home/me/p/node_modules/x/index.js", NULL, "runtime" },
		{ "/home/me/p/src/main.rs", NULL, "source" },
		{ "/home/me/p/src/.c", NULL, "source" },
		{ "/usr/lib/x86_64-linux-gnu/libc.so.6", NULL, "system-library" },
		{ "/tmp/x", NULL, "temp" },
		{ "/tmp/x/id_rsa", NULL, "credential" },
		{ "/etc/resolv.conf", NULL, "network-config" },
		{ "/home/me/notes.txt", NULL, NULL },
		{ "/", NULL, NULL },
		{ "", NULL, NULL },
		/* Spellings that mean the same, and tails of paths that were too long. */
		{ "/etc//localtime", NULL, "timezone" },
		{ "/etc/./localtime", NULL, "timezone" },
		{ "/usr/../etc/localtime", NULL, "timezone" },
		{ "/../../etc/localtime", NULL, "timezone" },
		{ "/home/me/.ssh/id_rsa/", NULL, "credential" },
		{ "/home/me/.ssh/./../.netrc/.", NULL, "credential" },
		{ "//", NULL, NULL },
		{ "me/.ssh/id_rsa", NULL, "credential" },
		{ "project/.git/hooks/pre-push", NULL, "git-hooks" },
		{ "etc/localtime", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i].path, tt_classify_path(shipped, cases[i].path, cases[i].home),
				cases[i].category);
	assert_null(tt_classify_path(shipped, NULL, NULL));
}

static void overlong_paths_are_classified_without_harm(void **state)
{
	char path[3 * 4096];

	memset(path, 'a', sizeof(path));
	memcpy(path, "/tmp//", 6);
	memcpy(path + sizeof(path) - 8, "/id_rsa", 8);
	assert_category("overlong", tt_classify_path(shipped, path, NULL), "credential");

	for (size_t i = 0; i < 4095; i++)
		path[i] = i % 2 ? '.' : '/';
	path[4095] = '\0';
	assert_category("/./././", tt_classify_path(shipped, path, NULL), NULL);
}

static void variables_have_their_category_and_what_is_kept(void **state)
{
	static const struct {
		const char *name, *category;
		char keeps;
	} cases[] = {
		{ "TZ", "timezone", 'v' },
		{ "TZDIR", "timezone", 0 },
		{ "LANG", "locale", 'v' },
		{ "LANGUAGE", "locale", 0 },
		{ "LC_ALL", "locale", 'v' },
		{ "LC_GIT_AUTHOR", "locale", 0 },
		{ "LC_DEPLOY_TOKEN", "credential", 0 },
		{ "HTTPS_PROXY", "proxy", 'h' },
		{ "https_proxy", "proxy", 'h' },
		{ "no_proxy", "proxy", 'h' },
		{ "ANTHROPIC_BASE_URL", "api-base-url", 'h' },
		{ "OPENAI_API_BASE", "api-base-url", 'h' },
		{ "OPENAI_API_KEY", "credential", 0 },
		{ "GITHUB_TOKEN", "credential", 0 },
		{ "AWS_SECRET_ACCESS_KEY", "credential", 0 },
		{ "SSH_AUTH_SOCK", "key-agent", 0 },
		{ "NODE_OPTIONS", "runtime", 0 },
		{ "PATH", NULL, 0 },
		{ "", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_category(cases[i].name, tt_classify_env(shipped, cases[i].name), cases[i].category);
		assert_int_equal(tt_classify_env_keeps(shipped, cases[i].name), cases[i].keeps);
	}
	assert_null(tt_classify_env(shipped, NULL));
	assert_int_equal(tt_classify_env_keeps(shipped, NULL), 0);
}

static void hosts_have_their_category(void **state)
{
	static const char *const cases[][2] = {
		{ "api.anthropic.com", "model-api" },
		{ "API.OpenAI.com.", "model-api" },
		{ "anthropic.com", "ai-lab" },
		{ "docs.anthropic.com", "ai-lab" },
		{ "statsig.anthropic.com", "telemetry" },
		{ "notanthropic.com", NULL },
		{ "eu.api.openai.com", "model-api" },
		{ "myapi.openai.com", "ai-lab" },
		{ "us-central1-aiplatform.googleapis.com", "model-api" },
		{ "aiplatform.eu.rep.googleapis.com", "model-api" },
		{ "aiplatform.eu.x.rep.googleapis.com", NULL },
		{ "bedrock-runtime.eu-west-1.amazonaws.com", "model-api" },
		{ "bedrock-runtime.x.s3.amazonaws.com", NULL },
		{ "dashscope-intl.aliyuncs.com", "model-api" },
		{ "coding.dashscope.aliyuncs.com", "model-api" },
		{ "dashscope.oss-cn-beijing.aliyuncs.com", NULL },
		{ "api.deepseek.com", "model-api" },
		{ "openrouter.ai", "gateway" },
		{ "gateway.ai.cloudflare.com", "gateway" },
		{ "api.cloudflare.com", NULL },
		{ "o1.ingest.us.sentry.io", "telemetry" },
		{ "telemetry.individual.githubcopilot.com", "telemetry" },
		{ "api.individual.githubcopilot.com", "model-api" },
		{ "api.anthropic.com.evil.example", NULL },
		{ "generativelanguage.googleapis.com", "model-api" },
		{ "other.googleapis.com", NULL },
		{ "github.com", "source-hosting" },
		{ "metadata.google.internal", "metadata-service" },
		{ "localhost", "loopback" },
		{ "a.localhost", "loopback" },
		{ "printer.local", "link-local" },
		{ "git.corp", "private-network" },
		/* addresses in the place of names, as programs take them */
		{ "127.0.0.1", "loopback" },
		{ "2852039166", "metadata-service" },
		{ "0xa9.0xfe.43518", "metadata-service" },
		{ "0251.0376.0251.0376", "metadata-service" },
		{ "::ffff:169.254.169.254", "metadata-service" },
		{ "fd00:ec2::254", "metadata-service" },
		{ "10.0.0.300", NULL },
		{ "198.51.100.1", NULL },
		{ "a/b.openai.com", NULL },
		{ "*.openai.com", "ai-lab" },
		{ "example.org", NULL },
		{ ".", NULL },
		{ "", NULL },
		{ "...", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i][0], tt_classify_host(shipped, cases[i][0]), cases[i][1]);
	assert_null(tt_classify_host(shipped, NULL));
}

static void hosts_have_a_vendor(void **state)
{
	static const char *const cases[][2] = {
		{ "api.anthropic.com", "anthropic" },
		{ "console.anthropic.com", "anthropic" },
		{ "statsig.anthropic.com", "anthropic" },
		{ "us-east5-aiplatform.googleapis.com", "google" },
		{ "storage.googleapis.com", NULL },
		{ "openrouter.ai", NULL },
		{ "127.0.0.1", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i][0], tt_classify_vendor(shipped, cases[i][0]), cases[i][1]);
}

static void a_name_says_more_than_a_place_and_hides_nothing_else(void **state)
{
	static const struct {
		const char *address;
		uint16_t port;
		const char *host;
		bool behind_proxy;
		const char *category;
	} cases[] = {
		{ "198.51.100.1", 443, NULL, false, NULL },
		{ "198.51.100.1", 443, "api.openai.com", false, "model-api" },
		{ "198.51.100.1", 443, "example.org", false, NULL },
		/* without a name, or with one that says nothing, the address says what it can */
		{ "10.0.0.1", 443, NULL, false, "private-network" },
		{ "10.0.0.1", 443, "example.org", false, "private-network" },
		{ "169.254.1.1", 443, "example.org", false, "link-local" },
		{ "127.0.0.1", 443, "example.org", false, "loopback" },
		{ "10.0.0.1", 443, "api.openai.com", false, "model-api" },
		{ "127.0.0.1", 443, "openrouter.ai", false, "gateway" },
		/* a proxy is at some place, and what is asked of it is elsewhere */
		{ "127.0.0.1", 3128, "example.org", true, NULL },
		{ "127.0.0.1", 3128, "api.openai.com", true, "model-api" },
		{ "127.0.0.1", 3128, "169.254.169.254", true, "metadata-service" },
		{ "127.0.0.1", 3128, "localhost", true, "loopback" },
		/* a name that lies */
		{ "169.254.169.254", 80, "api.openai.com", false, "metadata-service" },
		{ "169.254.169.254", 80, "example.org", true, "metadata-service" },
		{ "::ffff:169.254.169.254", 80, "localhost", false, "metadata-service" },
		{ "198.51.100.1", 53, "api.openai.com", false, "dns" },
		{ "198.51.100.1", 80, "metadata.google.internal", false, "metadata-service" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int family = strchr(cases[i].address, ':') ? AF_INET6 : AF_INET;
		uint8_t addr[16] = { 0 };

		assert_int_equal(inet_pton(family, cases[i].address, addr), 1);
		assert_category(cases[i].address,
				tt_classify_connection(shipped, family, addr, cases[i].port, cases[i].host,
						       cases[i].behind_proxy),
				cases[i].category);
	}
}

static void addresses_have_their_category(void **state)
{
	static const struct {
		const char *address;
		uint16_t port;
		const char *category;
	} cases[] = {
		{ "127.0.0.1", 8080, "loopback" },
		{ "127.255.255.255", 80, "loopback" },
		{ "128.0.0.1", 80, NULL },
		{ "::1", 80, "loopback" },
		{ "::2", 80, NULL },
		{ "::ffff:127.0.0.1", 80, "loopback" },
		{ "127.0.0.53", 53, "dns" },
		{ "8.8.8.8", 53, "dns" },
		{ "8.8.8.8", 443, NULL },
		{ "2001:4860::8888", 53, "dns" },
		{ "10.1.2.3", 443, "private-network" },
		{ "172.31.0.1", 443, "private-network" },
		{ "172.32.0.1", 443, NULL },
		{ "169.254.169.254", 80, "metadata-service" },
		{ "::ffff:169.254.169.254", 80, "metadata-service" },
		{ "fd00:ec2::254", 80, "metadata-service" },
		{ "169.254.1.1", 80, "link-local" },
		{ "fe80::1", 80, "link-local" },
		{ "febf::1", 80, "link-local" },
		{ "fec0::1", 80, NULL },
		{ "fd12::1", 80, "private-network" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int family = strchr(cases[i].address, ':') ? AF_INET6 : AF_INET;
		uint8_t addr[16] = { 0 };

		assert_int_equal(inet_pton(family, cases[i].address, addr), 1);
		assert_category(cases[i].address, tt_classify_address(shipped, family, addr, cases[i].port),
				cases[i].category);
	}
}

static void sockets_have_their_category(void **state)
{
	static const char *const cases[][2] = {
		{ "/var/run/docker.sock", "container-control" },
		{ "/home/me/.docker/run/docker.sock", "container-control" },
		{ "/tmp/ssh-XXabc/agent.123", "key-agent" },
		{ "/run/user/1000/gnupg/S.gpg-agent", "key-agent" },
		{ "/run/user/1000/bus", "dbus" },
		{ "/run/dbus/system_bus_socket", "dbus" },
		{ "/var/run/nscd/socket", "name-service" },
		{ "@/tmp/.X11-unix/X0", "display" },
		{ "/run/user/1000/wayland-0", "display" },
		{ "/tmp/own.sock", "local-socket" },
		{ "@abstract", "local-socket" },
		{ "", "local-socket" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i][0], tt_classify_unix(shipped, cases[i][0]), cases[i][1]);
}

static void the_more_sensitive_category_is_worse(void **state)
{
	assert_string_equal(tt_classify_worse(shipped, "source", "credential"), "credential");
	assert_string_equal(tt_classify_worse(shipped, "credential", "source"), "credential");
	assert_string_equal(tt_classify_worse(shipped, NULL, "source"), "source");
	assert_string_equal(tt_classify_worse(shipped, "source", NULL), "source");
	assert_string_equal(tt_classify_worse(shipped, "unheard-of", "source"), "source");
	assert_null(tt_classify_worse(shipped, NULL, NULL));
}

static void nothing_is_classified_by_nothing(void **state)
{
	struct tt_config_categories config = { 0 };
	struct tt_classifier *empty = NULL;
	uint8_t addr[16] = { 127, 0, 0, 1 };

	assert_int_equal(tt_classifier_new(&config, &empty), 0);

	assert_null(tt_classify_path(empty, "/etc/passwd", "/root"));
	assert_null(tt_classify_env(empty, "TZ"));
	assert_null(tt_classify_host(empty, "localhost"));
	assert_null(tt_classify_vendor(empty, "localhost"));
	assert_null(tt_classify_connection(empty, AF_INET, addr, 1, "localhost", false));
	assert_null(tt_classify_address(empty, AF_INET, addr, 1));
	assert_null(tt_classify_unix(empty, "/x"));
	tt_classifier_free(empty);
	tt_classifier_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_have_their_category),
		cmocka_unit_test(overlong_paths_are_classified_without_harm),
		cmocka_unit_test(variables_have_their_category_and_what_is_kept),
		cmocka_unit_test(hosts_have_their_category),
		cmocka_unit_test(hosts_have_a_vendor),
		cmocka_unit_test(a_name_says_more_than_a_place_and_hides_nothing_else),
		cmocka_unit_test(addresses_have_their_category),
		cmocka_unit_test(sockets_have_their_category),
		cmocka_unit_test(the_more_sensitive_category_is_worse),
		cmocka_unit_test(nothing_is_classified_by_nothing),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
