/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include "classify.h"
#include "config/config.h"
#include "hostset.h"
#include "organisation.h"
#include "util/util.h"

static bool is_known_gateway(const struct tt_classifier *c, const char *host)
{
	return tt_streq(tt_classify_host(c, host), TT_CATEGORY_GATEWAY);
}

/* entry: of api_hosts. A plain host stands for all of its organisation. */
static bool is_covered(const struct tt_classifier *c, const char *entry, const char *host)
{
	if (tt_streq(entry, "*"))
		return tt_classify_vendor(c, host) && !is_known_gateway(c, host);
	if (!strchr(entry, '.'))
		return tt_streq(tt_classify_vendor(c, host), entry);
	if (entry[0] == '.' || strchr(entry, '*'))
		return tt_host_matches(entry, host);
	return tt_same_organisation(entry, host);
}

static bool is_own(const struct tt_classifier *c, const struct tt_config_agent *agent, const char *host)
{
	for (size_t i = 0; i < agent->api_hosts.n; i++)
		if (is_covered(c, agent->api_hosts.v[i], host))
			return true;
	return false;
}

static bool is_base_url(const struct tt_config_agent *agent, const char *variable)
{
	for (size_t i = 0; i < agent->base_urls.n; i++)
		if (tt_streq(agent->base_urls.v[i], variable))
			return true;
	return false;
}

bool tt_gateway_given(const struct tt_classifier *c, const struct tt_config_agent *agent,
		      const char *variable, const char *host)
{
	if (!is_base_url(agent, variable) || is_own(c, agent, host))
		return false;
	/* whoever does not say which hosts are its own has none that are another's */
	return agent->api_hosts.n || is_known_gateway(c, host);
}

bool tt_gateway_reached(const struct tt_classifier *c, const struct tt_config_agent *agent, const char *host)
{
	return is_known_gateway(c, host) && !is_own(c, agent, host);
}
