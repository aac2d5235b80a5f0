/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds per classified path and connection, as agents open them. Runs in the source tree's root. */
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

#include "classify/classify.h"
#include "classify/organisation.h"
#include "config/config.h"
#include "util/util.h"

#define ROUNDS 20000

static const char *const paths[] = {
	"/usr/lib/x86_64-linux-gnu/libc.so.6",
	"/etc/ld.so.cache",
	"/etc/localtime",
	"/usr/share/zoneinfo/Asia/Shanghai",
	"/proc/self/maps",
	"/proc/12345/stat",
	"/sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/address",
	"/home/dev/.ssh/known_hosts",
	"/home/dev/.ssh/id_ed25519",
	"/home/dev/.claude/settings.json",
	"/home/dev/src/project/package.json",
	"/home/dev/src/project/src/components/table/header.tsx",
	"/home/dev/src/project/node_modules/@scope/package/node_modules/other/dist/cjs/lib/internal/index.js",
	"/home/dev/.nvm/versions/node/v22.11.0/lib/node_modules/@vendor/agent/dist/chunks/chunk-ABCDEF.js",
	"/home/dev/src/project/.git/objects/ab/cdef0123456789abcdef0123456789abcdef01",
	"/home/dev/src/project/.git/hooks/pre-commit",
	"/home/dev/notes/2026/november/meeting",
};

static const char *const hosts[] = {
	NULL,
	"api.anthropic.com",
	"openrouter.ai",
	"us-central1-aiplatform.googleapis.com",
	"o447951.ingest.us.sentry.io",
	"raw.githubusercontent.com",
	"www.example.org",
	"a.rather.long.name.with.many.labels.in.it.below.some.cdn.example.net",
	"2852039166",
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static double measure(const struct tt_classifier *c, const char *path, unsigned *hits)
{
	double begin = now();

	for (int i = 0; i < ROUNDS; i++)
		*hits += tt_classify_path(c, path, "/home/dev") != NULL;
	return (now() - begin) / ROUNDS;
}

/* A connection's category and whose the host is: the second only asked of base URLs. */
static double measure_host(const struct tt_classifier *c, const char *host, unsigned *hits)
{
	static const uint8_t addr[16] = { 198, 51, 100, 7 };
	double begin = now();

	for (int i = 0; i < ROUNDS; i++)
		*hits += tt_classify_connection(c, AF_INET, addr, 443, host, false) != NULL;
	return (now() - begin) / ROUNDS;
}

static void measure_hosts(const struct tt_classifier *c)
{
	unsigned hits = 0;
	double sum = 0, begin;

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		const char *category = hosts[i] ? tt_classify_host(c, hosts[i]) : NULL;
		double ns = measure_host(c, hosts[i], &hits);

		printf("%7.0f ns  %-18s %s\n", ns, category ? category : "-",
		       hosts[i] ? hosts[i] : "an address");
		sum += ns;
	}
	printf("%7.0f ns  mean of %zu connections (%u hits)\n", sum / ARRAY_SIZE(hosts), ARRAY_SIZE(hosts),
	       hits);
	begin = now();
	for (int i = 0; i < ROUNDS; i++)
		hits += tt_same_organisation("eu.ampcode.com", "ampcode.com");
	printf("%7.0f ns  whether two hosts are of the same organisation\n", (now() - begin) / ROUNDS);
}

int main(void)
{
	struct tt_config_categories *config;
	struct tt_classifier *c;
	char *message = NULL;
	double sum = 0;
	unsigned hits = 0;

	if (tt_config_load_categories("config/categories.d", &config, &message) < 0) {
		fprintf(stderr, "%s\n", message);
		return 1;
	}
	if (tt_classifier_new(config, &c) < 0)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *category = tt_classify_path(c, paths[i], "/home/dev");
		double ns = measure(c, paths[i], &hits);

		printf("%7.0f ns  %-18s %s\n", ns, category ? category : "-", paths[i]);
		sum += ns;
	}
	printf("%7.0f ns  mean of %zu paths (%u hits)\n", sum / ARRAY_SIZE(paths), ARRAY_SIZE(paths), hits);
	measure_hosts(c);
	tt_classifier_free(c);
	tt_config_categories_free(config);
	return 0;
}
