/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an agent talks to somebody else than its vendor: an API gateway, a relay, another vendor's service.
 *
 * The agent's definition says which variables name the service, and whose hosts are its own (agents.d: base_urls,
 * api_hosts). A proxy is no gateway: what goes through it is still meant for the vendor. */
#ifndef TT_CLASSIFY_GATEWAY_H
#define TT_CLASSIFY_GATEWAY_H

#include <stdbool.h>

struct tt_classifier;
struct tt_config_agent;

/* The category of hosts that pass on what is meant for others. */
#define TT_CATEGORY_GATEWAY "gateway"

/* The agent was started with host (of the URL) in this variable. */
bool tt_gateway_given(const struct tt_classifier *c, const struct tt_config_agent *agent,
		      const char *variable, const char *host);
/* The agent talks to host. Only of known gateways it can be said that they are one. */
bool tt_gateway_reached(const struct tt_classifier *c, const struct tt_config_agent *agent, const char *host);

#endif
