/* SPDX-License-Identifier: Apache-2.0 */
/* Which session's agent uses a gateway: told by what the agent was started with, and by whom it says it talks to. */
#include "classify/gateway.h"
#include "daemon/tracker_internal.h"

/* What a tool of the agent does says nothing about whom the agent talks to. */
static const struct tt_config_agent *agent_of(const struct tt_process *process)
{
	/* one that was forgotten counts as a tool */
	if (!process->session || process->role == TT_ROLE_TOOL)
		return NULL;
	return process->session->definition;
}

/* The first that is known stays: a variable is there before the first connection. */
static void use(struct tt_session *session, const char *host, const char *source)
{
	char *gateway = strdup(host), *from = strdup(source);

	if (!gateway || !from) {
		free(gateway);
		free(from);
		return; /* the row of the variable or the connection is there, without it */
	}
	session->gateway = gateway;
	session->gateway_source = from;
	session->dirty = true;
}

void tt_tracker_env_given(struct tt_tracker *tracker, const struct tt_process *process,
			  const struct tt_env_entry *entry)
{
	const struct tt_config_agent *agent = agent_of(process);

	if (agent && !process->session->gateway && entry->value &&
	    tt_gateway_given(tracker->params.classifier, agent, entry->name, entry->value))
		use(process->session, entry->value, entry->name);
}

void tt_tracker_host_named(const struct tt_process *process, const char *host, void *arg)
{
	const struct tt_config_agent *agent = agent_of(process);
	struct tt_tracker *tracker = arg;

	if (agent && !process->session->gateway &&
	    tt_gateway_reached(tracker->params.classifier, agent, host))
		use(process->session, host, "connection");
}
