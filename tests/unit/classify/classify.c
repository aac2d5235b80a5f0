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

static struct tt_config_categories *categories;
static struct tt_classifier *shipped;

static int load_shipped(void **state)
{
	char *message = NULL;

	if (tt_config_load_categories("config/categories.d", &categories, &message) < 0)
		fail_msg("%s", message);
	return tt_classifier_new(categories, &shipped);
}

static int free_shipped(void **state)
{
	tt_classifier_free(shipped);
	tt_config_categories_free(categories);
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

/* Whom each vendor's clients and each agent talk to by default, and the name of nobody that only looks like it. */
static void the_default_hosts_are_their_vendors(void **state)
{
	static const char *const cases[][3] = {
		{ "api.anthropic.com", "model-api", "anthropic" },
		{ "claude.ai", "model-api", "anthropic" },
		{ "aws-external-anthropic.us-east-1.api.aws", "model-api", "anthropic" },
		{ "platform.claude.com", "ai-lab", "anthropic" },
		{ "downloads.claude.ai", "ai-lab", "anthropic" },
		{ "api.openai.com", "model-api", "openai" },
		{ "us.api.openai.com", "model-api", "openai" },
		{ "chatgpt.com", "model-api", "openai" },
		{ "auth.openai.com", "ai-lab", "openai" },
		{ "ab.chatgpt.com", "telemetry", "openai" },
		{ "generativelanguage.googleapis.com", "model-api", "google" },
		{ "cloudcode-pa.googleapis.com", "model-api", "google" },
		{ "daily-cloudcode-pa.googleapis.com", "model-api", "google" },
		{ "daily-cloudcode-pa.sandbox.googleapis.com", "model-api", "google" },
		{ "europe-west1-aiplatform.googleapis.com", "model-api", "google" },
		{ "aiplatform.us.rep.googleapis.com", "model-api", "google" },
		{ "play.googleapis.com", "telemetry", NULL },
		{ "x.openai.azure.com", "model-api", "microsoft" },
		{ "x.openai.azure.us", "model-api", "microsoft" },
		{ "x.services.ai.azure.com", "model-api", "microsoft" },
		{ "x.cognitiveservices.azure.com", "model-api", "microsoft" },
		{ "x.blob.core.windows.net", NULL, NULL },
		{ "bedrock-runtime.eu-central-1.amazonaws.com", "model-api", "amazon" },
		{ "bedrock-mantle.us-east-1.api.aws", "model-api", "amazon" },
		{ "vpce-1-2.bedrock-runtime.us-east-1.vpce.amazonaws.com", "model-api", "amazon" },
		{ "q.us-east-1.amazonaws.com", "model-api", "amazon" },
		{ "codewhisperer.us-east-1.amazonaws.com", "model-api", "amazon" },
		{ "runtime.us-east-1.kiro.dev", "model-api", "amazon" },
		{ "prod.us-east-1.auth.desktop.kiro.dev", "ai-lab", "amazon" },
		{ "prod.us-east-1.telemetry.desktop.kiro.dev", "telemetry", "amazon" },
		{ "client-telemetry.us-east-1.amazonaws.com", "telemetry", NULL },
		{ "bucket.s3.us-east-1.amazonaws.com", NULL, NULL },
		{ "api.githubcopilot.com", "model-api", "github" },
		{ "api.individual.githubcopilot.com", "model-api", "github" },
		{ "proxy.business.githubcopilot.com", "model-api", "github" },
		{ "telemetry.enterprise.githubcopilot.com", "telemetry", "github" },
		{ "copilot-api.example.ghe.com", "model-api", "github" },
		{ "copilot-proxy.example.ghe.com", "model-api", "github" },
		{ "copilot-telemetry-service.example.ghe.com", "telemetry", NULL },
		{ "collector.github.com", "telemetry", NULL },
		{ "models.github.ai", "model-api", "github" },
		{ "models.inference.ai.azure.com", "model-api", "github" },
		{ "api.mistral.ai", "model-api", "mistral" },
		{ "codestral.mistral.ai", "model-api", "mistral" },
		{ "api.x.ai", "model-api", "xai" },
		{ "eu-west-1.api.x.ai", "model-api", "xai" },
		{ "cli-chat-proxy.grok.com", "model-api", "xai" },
		{ "api.deepseek.com", "model-api", "deepseek" },
		{ "dashscope.aliyuncs.com", "model-api", "alibaba" },
		{ "dashscope-us.aliyuncs.com", "model-api", "alibaba" },
		{ "coding-intl.dashscope.aliyuncs.com", "model-api", "alibaba" },
		{ "token-plan.ap-southeast-1.maas.aliyuncs.com", "model-api", "alibaba" },
		{ "portal.qwen.ai", "model-api", "alibaba" },
		{ "lingma.alibabacloud.com", "model-api", "alibaba" },
		{ "x-default-sea.rum.aliyuncs.com", "telemetry", NULL },
		{ "bucket.oss-cn-beijing.aliyuncs.com", NULL, NULL },
		{ "api3.qoder.sh", "model-api", "qoder" },
		{ "gateway.qoder.com.cn", "model-api", "qoder" },
		{ "docs.qoder.com", "ai-lab", "qoder" },
		{ "api.moonshot.ai", "model-api", "moonshot" },
		{ "api.moonshot.cn", "model-api", "moonshot" },
		{ "api.kimi.com", "model-api", "moonshot" },
		{ "api.kimi.ai", "model-api", "moonshot" },
		{ "telemetry-logs.kimi.com", "telemetry", "moonshot" },
		{ "open.bigmodel.cn", "model-api", "zhipu" },
		{ "api.z.ai", "model-api", "zhipu" },
		{ "x.space.z.ai", NULL, NULL },
		{ "apis.iflow.cn", "model-api", "iflow" },
		{ "ark.cn-beijing.volces.com", "model-api", "bytedance" },
		{ "ark.ap-southeast.bytepluses.com", "model-api", "bytedance" },
		{ "bucket.tos-cn-beijing.volces.com", NULL, NULL },
		{ "core-normal.trae.ai", "model-api", "bytedance" },
		{ "api.trae.cn", "model-api", "bytedance" },
		{ "api.minimax.io", "model-api", "minimax" },
		{ "api.minimaxi.com", "model-api", "minimax" },
		{ "api.hunyuan.cloud.tencent.com", "model-api", "tencent" },
		{ "tokenhub.tencentmaas.com", "model-api", "tencent" },
		{ "copilot.tencent.com", "model-api", "tencent" },
		{ "qianfan.baidubce.com", "model-api", "baidu" },
		{ "api.stepfun.com", "model-api", "stepfun" },
		{ "api.stepfun.ai", "model-api", "stepfun" },
		{ "api.siliconflow.cn", "model-api", "siliconflow" },
		{ "token-plan-cn.xiaomimimo.com", "model-api", "xiaomi" },
		{ "api.groq.com", "model-api", "groq" },
		{ "api.cerebras.ai", "model-api", "cerebras" },
		{ "api.together.xyz", "model-api", "together" },
		{ "api.fireworks.ai", "model-api", "fireworks" },
		{ "api.cohere.com", "model-api", "cohere" },
		{ "api.perplexity.ai", "model-api", "perplexity" },
		{ "integrate.api.nvidia.com", "model-api", "nvidia" },
		{ "api.deepinfra.com", "model-api", "deepinfra" },
		{ "x.us-east-1.aws.endpoints.huggingface.cloud", "model-api", "huggingface" },
		{ "us-south.ml.cloud.ibm.com", "model-api", "ibm" },
		{ "ollama.com", "model-api", "ollama" },
		{ "ampcode.com", "model-api", "amp" },
		{ "d1.api.augmentcode.com", "model-api", "augment" },
		{ "hyper.charm.land", "model-api", "charm" },
		{ "data.charm.land", "telemetry", "charm" },
		{ "api.cline.bot", "model-api", "cline" },
		{ "api.continue.dev", "model-api", "continue" },
		{ "api2.cursor.sh", "model-api", "cursor" },
		{ "agentn.us.api5.cursor.sh", "model-api", "cursor" },
		{ "repo42.cursor.sh", "model-api", "cursor" },
		{ "authenticator.cursor.sh", "ai-lab", "cursor" },
		{ "metrics.cursor.sh", "telemetry", "cursor" },
		{ "api.factory.ai", "model-api", "factory" },
		{ "api.jetbrains.ai", "model-api", "jetbrains" },
		{ "api.kilo.ai", "model-api", "kilo" },
		{ "opencode.ai", "model-api", "opencode" },
		{ "models.dev", "ai-lab", "opencode" },
		{ "llm-proxy.app.all-hands.dev", "model-api", "openhands" },
		{ "x.sourcegraph.com", "model-api", "sourcegraph" },
		{ "server.codeium.com", "model-api", "windsurf" },
		{ "server.self-serve.windsurf.com", "model-api", "windsurf" },
		{ "unleash.codeium.com", "telemetry", "windsurf" },
		{ "cloud.zed.dev", "model-api", "zed" },
		/* gateways, and what their makers have besides */
		{ "eu.openrouter.ai", "gateway", NULL },
		{ "ai-gateway.vercel.sh", "gateway", NULL },
		{ "router.eu.requesty.ai", "gateway", NULL },
		{ "oai.helicone.ai", "gateway", NULL },
		{ "docs.helicone.ai", NULL, NULL },
		{ "gateway.glama.ai", "gateway", NULL },
		{ "glama.ai", NULL, NULL },
		{ "api.braintrust.dev", NULL, NULL },
		{ "api-cf.cubence.com", "gateway", NULL },
		{ "www.dmxapi.cn", "gateway", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *alike = NULL;

		assert_category(cases[i][0], tt_classify_host(shipped, cases[i][0]), cases[i][1]);
		assert_category(cases[i][0], tt_classify_vendor(shipped, cases[i][0]), cases[i][2]);
		assert_true(asprintf(&alike, "%s.evil.example", cases[i][0]) > 0);
		assert_category(alike, tt_classify_host(shipped, alike), NULL);
		assert_category(alike, tt_classify_vendor(shipped, alike), NULL);
	}
}

static void what_only_ends_like_a_domain_is_not_in_it(void **state)
{
	static const char *const cases[] = {
		"evilopenrouter.ai", "evilclaude.ai",	  "evilchatgpt.com",	   "evil-api.deepseek.com.cn",
		"api-anthropic.com", "x.api.openai.co",	  "githubcopilot.co",	   "api.evilkimi.com",
		"evilgithub.com",    "npmjs.org.example", "evilpypi.org",	   "evilsentry.io",
		"evildns.google",    "xopenai.azure.com", "dashscope.aliyuncs.cn",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i], tt_classify_host(shipped, cases[i]), NULL);
}

static void packages_and_code_have_their_hosts(void **state)
{
	static const char *const cases[][2] = {
		{ "registry.npmjs.org", "package-registry" },
		{ "registry.npmmirror.com", "package-registry" },
		{ "pypi.tuna.tsinghua.edu.cn", "package-registry" },
		{ "mirrors.aliyun.com", "package-registry" },
		{ "mirrors.cloud.tencent.com", "package-registry" },
		{ "files.pythonhosted.org", "package-registry" },
		{ "static.crates.io", "package-registry" },
		{ "proxy.golang.org", "package-registry" },
		{ "goproxy.cn", "package-registry" },
		{ "repo.maven.apache.org", "package-registry" },
		{ "registry-1.docker.io", "package-registry" },
		{ "npm.pkg.github.com", "source-hosting" },
		{ "pkgs.dev.azure.com", "package-registry" },
		{ "codeload.github.com", "source-hosting" },
		{ "example.ghe.com", "source-hosting" },
		{ "gitlab.com", "source-hosting" },
		{ "gitee.com", "source-hosting" },
		{ "codeberg.org", "source-hosting" },
		{ "git-codecommit.us-east-1.amazonaws.com", "source-hosting" },
		{ "dns11.quad9.net", "dns" },
		{ "x.dns.nextdns.io", "dns" },
		{ "my.nextdns.io", NULL },
		{ "o1.ingest.us.sentry.io", "telemetry" },
		{ "http-intake.logs.us5.datadoghq.com", "telemetry" },
		{ "browser-intake-us5-datadoghq.com", "telemetry" },
		{ "us.i.posthog.com", "telemetry" },
		{ "api.segment.io", "telemetry" },
		{ "api2.amplitude.com", "telemetry" },
		{ "featureassets.org", "telemetry" },
		{ "api.metadata.cloud.ibm.com", "metadata-service" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_category(cases[i][0], tt_classify_host(shipped, cases[i][0]), cases[i][1]);
}

/* An entry below a more sensitive category's domain would be without effect. */
static void each_entry_has_its_effect(void **state)
{
	for (size_t i = 0; i < categories->n; i++) {
		const struct tt_config_category *category = &categories->v[i];

		for (size_t k = 0; k < category->hosts.n; k++) {
			const char *entry = category->hosts.v[k];
			_cleanup_free_ char *host = NULL;

			/* of a domain some host in it: the domain itself may be of more */
			assert_true(asprintf(&host, "%s%s", entry[0] == '.' ? "xyz" : "", entry) > 0);
			for (char *c = host; *c; c++)
				if (*c == '*')
					*c = 'x';
			assert_category(host, tt_classify_host(shipped, host), category->id);
			if (category->vendor)
				assert_category(host, tt_classify_vendor(shipped, host), category->vendor);
		}
	}
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
		/* /etc/hosts calls a cloud's name server so */
		{ "169.254.169.254", 53, "metadata.google.internal", false, "dns" },
		{ "169.254.169.254", 53, "api.openai.com", true, "dns" },
		{ "169.254.169.254", 80, "metadata.google.internal", false, "metadata-service" },
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
		{ "fd00:ec2::23", 80, "metadata-service" },
		{ "169.254.170.2", 80, "metadata-service" },
		{ "169.254.170.23", 80, "metadata-service" },
		{ "fd20:ce::254", 80, "metadata-service" },
		{ "fd00:c1::a9fe:a9fe", 80, "metadata-service" },
		{ "100.100.100.200", 80, "metadata-service" },
		{ "100.100.100.201", 80, "private-network" },
		{ "100.96.0.96", 80, "metadata-service" },
		{ "168.63.129.16", 80, "metadata-service" },
		{ "168.63.129.16", 32526, "metadata-service" },
		{ "169.254.0.23", 80, "metadata-service" },
		/* where a cloud's name server is as well */
		{ "169.254.169.254", 53, "dns" },
		{ "::ffff:169.254.169.254", 53, "dns" },
		{ "fd20:ce::254", 53, "dns" },
		{ "fd00:c1::a9fe:a9fe", 53, "dns" },
		{ "168.63.129.16", 53, "dns" },
		{ "100.100.100.200", 53, "metadata-service" },
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
		cmocka_unit_test(the_default_hosts_are_their_vendors),
		cmocka_unit_test(what_only_ends_like_a_domain_is_not_in_it),
		cmocka_unit_test(packages_and_code_have_their_hosts),
		cmocka_unit_test(each_entry_has_its_effect),
		cmocka_unit_test(a_name_says_more_than_a_place_and_hides_nothing_else),
		cmocka_unit_test(addresses_have_their_category),
		cmocka_unit_test(sockets_have_their_category),
		cmocka_unit_test(the_more_sensitive_category_is_worse),
		cmocka_unit_test(nothing_is_classified_by_nothing),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
