/* SPDX-License-Identifier: Apache-2.0 */
/* telltale status: asks the daemon how it is, and prints it for people or as it came. */
#include <errno.h>
#include <jansson.h>

#include "cmd/cmd.h"
#include "config/config.h"
#include "daemon/control.h"
#include "util/log.h"
#include "util/timespec.h"

static void jsonp(json_t **json)
{
	json_decref(*json);
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "?";
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void label(struct tt_output *out, const char *words)
{
	tt_output_text(out, TT_DIM, words);
	tt_output_pad(out, 12);
}

static void print_hooks(struct tt_output *out, const json_t *hooks)
{
	size_t i;
	json_t *hook;

	json_array_foreach(hooks, i, hook)
	{
		bool attached = json_is_true(json_object_get(hook, "attached"));

		label(out, i == 0 ? "hooks" : "");
		tt_output_text(out, attached ? TT_GOOD : TT_NOTICE, attached ? "in  " : "OUT ");
		tt_output_text(out, TT_PLAIN, text(hook, "name"));
		tt_output_pad(out, 34);
		tt_output_text(out, TT_DIM, text(hook, "sees"));
		if (json_object_get(hook, "why"))
			tt_output_printf(out, TT_NOTICE, ": %s", text(hook, "why"));
		tt_output_line(out);
	}
}

static void print_probes(struct tt_output *out, const json_t *probes)
{
	const json_t *list = json_object_get(probes, "list");
	size_t i;
	json_t *file;

	label(out, "env probes");
	tt_output_printf(out, TT_PLAIN, "%lld on %lld files", number(probes, "probes"),
			 number(probes, "files"));
	if (number(probes, "failed") || number(probes, "over_budget"))
		tt_output_printf(out, TT_NOTICE, ", %lld failed, %lld beyond the limit",
				 number(probes, "failed"), number(probes, "over_budget"));
	tt_output_line(out);
	json_array_foreach(list, i, file)
	{
		label(out, "");
		tt_output_printf(out, TT_PLAIN, "%s: ", text(file, "path"));
		if (json_is_true(json_object_get(file, "probed")))
			tt_output_text(out, TT_DIM, text(file, "symbols"));
		else
			tt_output_text(out, TT_NOTICE, text(file, "why"));
		tt_output_line(out);
	}
	if (number(probes, "left_out")) {
		label(out, "");
		tt_output_printf(out, TT_DIM, "and %lld more files", number(probes, "left_out"));
		tt_output_line(out);
	}
}

/* Counters that ought to be zero. */
static void print_losses(struct tt_output *out, const json_t *status)
{
	static const struct {
		const char *key, *words;
	} counters[] = {
		{ "rows_lost", "rows lost on their way to the database" },
		{ "malformed", "records that did not decode" },
		{ "late", "records that came late" },
		{ "retried", "first sightings sent again (the ring was full)" },
		{ "unaggregated", "operations sent one by one (the aggregation map was full)" },
		{ "table_evicted", "processes forgotten early" },
	};
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		if (!number(status, counters[i].key))
			continue;
		label(out, any ? "" : "counters");
		tt_output_printf(out, TT_NOTICE, "%lld %s", number(status, counters[i].key),
				 counters[i].words);
		tt_output_line(out);
		any = true;
	}
	if (!any) {
		label(out, "counters");
		tt_output_text(out, TT_PLAIN, "nothing lost, late or malformed since the start");
		tt_output_line(out);
	}
}

static void print(struct tt_output *out, const json_t *status)
{
	const json_t *database = json_object_get(status, "database");
	char up[TT_TIMESPEC_MAX];

	tt_timespec_duration(number(status, "up_ns"), up);
	label(out, "daemon");
	tt_output_printf(out, TT_BOLD, "running, pid %lld, version %s, up %s", number(status, "pid"),
			 text(status, "version"), up);
	tt_output_line(out);
	label(out, "backend");
	tt_output_printf(out, TT_PLAIN, "%s (%s)", text(status, "backend"), text(status, "backend_why"));
	tt_output_line(out);
	print_hooks(out, json_object_get(status, "hooks"));
	print_probes(out, json_object_get(status, "env_probes"));
	label(out, "now");
	tt_output_printf(out, TT_PLAIN,
			 "%lld sessions, %lld processes; since the start %lld sessions, %lld candidates "
			 "that were no agents, %lld events",
			 number(status, "sessions"), number(status, "processes"),
			 number(status, "sessions_seen"), number(status, "ignored"),
			 number(status, "events"));
	tt_output_line(out);
	print_losses(out, status);
	label(out, "database");
	tt_output_printf(out, TT_PLAIN, "%s, %.1f MiB", text(database, "path"),
			 (double)number(database, "bytes") / (1 << 20));
	if (json_is_true(json_object_get(database, "failing")))
		tt_output_printf(out, TT_ALARM, ", FAILING: %s", text(database, "why"));
	tt_output_line(out);
	label(out, "exporters");
	tt_output_text(out, TT_DIM, "none in this version");
	tt_output_line(out);
}

static int not_running(int error, const char *socket)
{
	if (error == -EACCES)
		tt_log_error("may not ask the daemon at %s: be root, or in group %s", socket,
			     TT_CONTROL_GROUP);
	else if (error == -ENOENT || error == -ECONNREFUSED)
		tt_log_error("no daemon is running (%s); start it with `systemctl start telltale`, or trace "
			     "one command "
			     "with `telltale run -- COMMAND`",
			     socket);
	else
		tt_log_errno(error, "cannot reach the daemon at %s", socket);
	return TT_EXIT_FAILURE;
}

int tt_cmd_status(int argc, char **argv)
{
	_cleanup_free_ char *message = NULL, *reply = NULL;
	const char *file = NULL;
	const struct tt_cmd_option options[] = {
		{ "config", 0, "FILE", "configuration that names the control socket", NULL, &file },
	};
	const struct tt_cmd_spec spec = {
		.name = "status",
		.operands = "",
		.summary = "Is the daemon running, what does it see, what was lost.",
		.want = TT_WANT_JSON | TT_WANT_TEXT,
		.options = options,
		.n_options = ARRAY_SIZE(options),
	};
	_cleanup_(jsonp) json_t *status = NULL;
	_cleanup_close_ int fd = -1;
	struct tt_cmd_common common;
	struct tt_config *config = NULL;
	struct tt_output out;
	int r, result;

	if (tt_cmd_parse(&spec, argc, argv, &common, &result) < 0)
		return result;
	r = tt_config_load(file, &config, &message);
	if (r < 0) {
		tt_log_error("%s", message ? message : strerror(-r));
		return TT_EXIT_FAILURE;
	}
	fd = tt_control_connect(config->control_socket);
	if (fd < 0) {
		result = not_running(fd, config->control_socket);
		tt_config_free(config);
		return result;
	}
	tt_config_free(config);
	r = tt_control_status(fd, &reply, &message);
	if (r == 0)
		status = json_loads(reply, 0, NULL);
	if (!status) {
		tt_log_error("%s", message ? message
					   : "the daemon's answer makes no sense: is it another version?");
		return TT_EXIT_FAILURE;
	}
	tt_output_open(&out, common.color, !common.no_pager && !common.json);
	if (common.json) {
		struct tt_buf line = { .text = reply, .len = strlen(reply) };

		tt_output_json(&out, &line);
	} else {
		print(&out, status);
	}
	return tt_cmd_finish(&out, TT_EXIT_OK);
}
