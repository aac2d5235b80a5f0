/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts are a gateway to which agent, by the shipped definitions. Runs in the source tree's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "classify/classify.h"
#include "classify/gateway.h"
#include "config/config.h"
#include "util/util.h"

static struct tt_config_categories *categories;
static struct tt_config_agents *agents;
static struct tt_classifier *shipped;

static int load_shipped(void **state)
{
	char *message = NULL;
	int r = tt_config_load_categories("config/categories.d", &categories, &message);

	if (r == 0)
		r = tt_config_load_agents("config/agents.d", &agents, &message);
	if (r < 0)
		fail_msg("%s", message);
	return tt_classifier_new(categories, &shipped);
}

static int free_shipped(void **state)
{
	tt_classifier_free(shipped);
	tt_config_agents_free(agents);
	tt_config_categories_free(categories);
	return 0;
}

static const struct tt_config_agent *agent(const char *id)
{
	for (size_t i = 0; i < agents->n_agents; i++)
		if (tt_streq(agents->agents[i].id, id))
			return &agents->agents[i];
	fail_msg("no agent '%s'", id);
	return NULL;
}

static void a_base_url_of_somebody_else_is_a_gateway(void **state)
{
	static const struct {
		const char *agent, *variable, *host;
		bool gateway;
	} cases[] = {
		/* the vendor's own, in every spelling and region */
		{ "claude-code", "ANTHROPIC_BASE_URL", "api.anthropic.com", false },
		{ "claude-code", "ANTHROPIC_BASE_URL", "API.Anthropic.com.", false },
		{ "claude-code", "ANTHROPIC_BASE_URL", "eu.api.anthropic.com", false },
		{ "codex", "OPENAI_BASE_URL", "eu.api.openai.com", false },
		{ "codex", "OPENAI_BASE_URL", "chatgpt.com", false },
		{ "gemini-cli", "GOOGLE_GEMINI_BASE_URL", "generativelanguage.googleapis.com", false },
		{ "gemini-cli", "GOOGLE_VERTEX_BASE_URL", "europe-west4-aiplatform.googleapis.com", false },
		{ "gemini-cli", "GOOGLE_VERTEX_BASE_URL", "aiplatform.us.rep.googleapis.com", false },
		{ "gemini-cli", "CODE_ASSIST_ENDPOINT", "cloudcode-pa.googleapis.com", false },
		{ "qwen-code", "OPENAI_BASE_URL", "dashscope-intl.aliyuncs.com", false },
		{ "kimi", "KIMI_BASE_URL", "api.moonshot.cn", false },
		{ "copilot-cli", "COPILOT_API_URL", "api.business.githubcopilot.com", false },
		{ "copilot-cli", "COPILOT_API_URL", "api.github.com", false },
		{ "openhands", "LLM_BASE_URL", "llm-proxy.app.all-hands.dev", false },
		{ "amp", "AMP_URL", "eu.ampcode.com", false },
		{ "iflow", "IFLOW_BASE_URL", "apis.iflow.cn", false },
		{ "kimi", "KIMI_BASE_URL", "api.kimi.com", false },
		{ "kimi", "KIMI_BASE_URL", "api.kimi.ai", false },
		{ "cursor-agent", "CURSOR_API_ENDPOINT", "api2.cursor.sh", false },
		{ "qoder", "QODER_BASE_URL", "gateway.qoder.com.cn", false },
		{ "codebuddy", "CODEBUDDY_BASE_URL", "copilot.tencent.com", false },
		{ "claude-code", "ANTHROPIC_BASE_URL", "aws-external-anthropic.us-east-1.api.aws", false },
		/* a name that only looks like it */
		{ "claude-code", "ANTHROPIC_BASE_URL", "api.anthropic.com.example.net", true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "api-anthropic.com", true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "anthropic.com.cn", true },
		{ "codex", "OPENAI_BASE_URL", "api.openai.com.evil.example", true },
		{ "codex", "OPENAI_BASE_URL", "evilchatgpt.com", true },
		{ "kimi", "KIMI_BASE_URL", "api.evilkimi.com", true },
		{ "gemini-cli", "GOOGLE_GEMINI_BASE_URL", "generativelanguage.googleapis.com.cn", true },
		{ "amp", "AMP_URL", "ampcode.com.example", true },
		/* another vendor's, a gateway, somebody's own */
		{ "claude-code", "ANTHROPIC_BASE_URL", "api.deepseek.com", true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "openrouter.ai", true },
		{ "claude-code", "ANTHROPIC_BEDROCK_BASE_URL", "bedrock-runtime.eu-west-1.amazonaws.com",
		  true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "llm.example.com", true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "localhost", true },
		{ "claude-code", "ANTHROPIC_BASE_URL", "127.0.0.1", true },
		{ "codex", "OPENAI_BASE_URL", "x.openai.azure.com", true },
		/* other variables, other agents' among them */
		{ "claude-code", "HTTPS_PROXY", "proxy.example.com", false },
		{ "claude-code", "OPENAI_BASE_URL", "openrouter.ai", false },
		{ "codex", "ANTHROPIC_BASE_URL", "openrouter.ai", false },
		{ "goose", "OLLAMA_HOST", "127.0.0.1", false },
		/* who takes models of any vendor */
		{ "opencode", "OPENAI_BASE_URL", "api.openai.com", false },
		{ "opencode", "OPENAI_BASE_URL", "api.deepseek.com", false },
		{ "opencode", "ANTHROPIC_BASE_URL", "api.z.ai", false },
		{ "opencode", "OPENAI_BASE_URL", "api.novita.ai", false },
		{ "opencode", "OPENAI_BASE_URL", "bucket.tos-cn-beijing.volces.com", true },
		{ "opencode", "ANTHROPIC_BASE_URL", "openrouter.ai", true },
		{ "opencode", "ANTHROPIC_BASE_URL", "gateway.ai.cloudflare.com", true },
		{ "opencode", "OPENAI_BASE_URL", "llm.example.com", true },
		{ "kilo", "KILO_API_URL", "api.kilo.ai", false },
		{ "kilo", "KILO_API_URL", "openrouter.ai", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tt_gateway_given(shipped, agent(cases[i].agent), cases[i].variable, cases[i].host) !=
		    cases[i].gateway)
			fail_msg("%s, %s=%s", cases[i].agent, cases[i].variable, cases[i].host);
}

static void whoever_is_reached_is_a_gateway_if_known_as_one(void **state)
{
	static const struct {
		const char *agent, *host;
		bool gateway;
	} cases[] = {
		{ "claude-code", "openrouter.ai", true },
		{ "cline", "openrouter.ai", true },
		{ "claude-code", "api.anthropic.com", false },
		{ "claude-code", "api.openai.com", false },
		{ "claude-code", "example.org", false },
		{ "claude-code", "10.0.0.1", false },
		{ "claude-code", "www.packyapi.ai", true },
		{ "codex", "api.aicodemirror.ai", true },
		/* a page that is read is no gateway */
		{ "claude-code", "docs.helicone.ai", false },
		{ "claude-code", "glama.ai", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (tt_gateway_reached(shipped, agent(cases[i].agent), cases[i].host) != cases[i].gateway)
			fail_msg("%s and %s", cases[i].agent, cases[i].host);
}

static void what_is_ones_own_is_said_in_every_form(void **state)
{
	static const struct {
		const char *own, *host;
		bool gateway;
	} cases[] = {
		{ "one.example.com", "two.example.com", false },
		{ "one.example.com", "example.net", true },
		{ ".one.example.com", "a.one.example.com", false },
		{ ".one.example.com", "two.example.com", true },
		{ "*-eu.example.com", "one-eu.example.com", false },
		{ "*-eu.example.com", "one-us.example.com", true },
		{ "openai", "api.openai.com", false },
		{ "nobody", "api.openai.com", true },
		{ ".openrouter.ai", "openrouter.ai", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *own = (char *)cases[i].own, *variable = (char *)"X_BASE_URL";
		struct tt_config_agent definition = { .base_urls = { &variable, 1 },
						      .api_hosts = { &own, 1 } };

		if (tt_gateway_given(shipped, &definition, "X_BASE_URL", cases[i].host) != cases[i].gateway)
			fail_msg("'%s' and '%s'", cases[i].own, cases[i].host);
	}
}

static void of_an_agent_without_hosts_only_known_gateways_are_told(void **state)
{
	char *variable = (char *)"X_BASE_URL";
	struct tt_config_agent definition = { .base_urls = { &variable, 1 } };

	assert_false(tt_gateway_given(shipped, &definition, "X_BASE_URL", "llm.example.com"));
	assert_true(tt_gateway_given(shipped, &definition, "X_BASE_URL", "openrouter.ai"));
	assert_true(tt_gateway_reached(shipped, &definition, "openrouter.ai"));
}

static bool is_vendor(const char *word)
{
	for (size_t i = 0; i < categories->n; i++)
		if (tt_streq(categories->v[i].vendor, word))
			return true;
	return false;
}

/* A value that is not kept cannot be compared; a vendor that nobody knows has no hosts. */
static void the_shipped_definitions_fit_together(void **state)
{
	for (size_t i = 0; i < agents->n_agents; i++) {
		const struct tt_config_agent *a = &agents->agents[i];

		for (size_t k = 0; k < a->base_urls.n; k++)
			if (tt_classify_env_keeps(shipped, a->base_urls.v[k]) != 'h')
				fail_msg("%s: the host in %s is not kept", a->id, a->base_urls.v[k]);
		if (a->base_urls.n && !a->api_hosts.n)
			fail_msg("%s has base URLs and no hosts", a->id);
		for (size_t k = 0; k < a->api_hosts.n; k++) {
			const char *entry = a->api_hosts.v[k];

			if (!strchr(entry, '.') && strcmp(entry, "*") != 0 && !is_vendor(entry))
				fail_msg("%s: nobody is called '%s'", a->id, entry);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_base_url_of_somebody_else_is_a_gateway),
		cmocka_unit_test(whoever_is_reached_is_a_gateway_if_known_as_one),
		cmocka_unit_test(what_is_ones_own_is_said_in_every_form),
		cmocka_unit_test(of_an_agent_without_hosts_only_known_gateways_are_told),
		cmocka_unit_test(the_shipped_definitions_fit_together),
	};

	return cmocka_run_group_tests(tests, load_shipped, free_shipped);
}
