#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fs/cli/cli.h"

static void print_devices(const json_t *devices)
{
	const json_t *device;
	size_t index;

	if (json_array_size(devices))
		printf("\n%-20s %-12s %-9s %-17s %-6s %s\n", "DEVICE", "KIND", "STATE", "DUE",
		       "HOLDS", "BY");
	json_array_foreach(devices, index, device) printf(
		"%-20s %-12s %-9s %-17s %-6lld %s%s%s%s\n", cli_text(device, "id"),
		cli_text(device, "kind"), cli_text(device, "state"), cli_text(device, "due"),
		cli_number(device, "holds"), cli_text(device, "retention"),
		json_is_true(json_object_get(device, "destroy_when_due")) ? ", destroyed then" : "",
		json_is_true(json_object_get(device, "sealed")) ? ", sealed" : "",
		json_is_true(json_object_get(device, "complete")) ? "" : ", intake NOT complete");
}

static void print_views(const json_t *views)
{
	const json_t *view;
	size_t index;

	if (json_array_size(views))
		printf("\n%-6s %-20s %-16s %-17s %s\n", "VIEW", "PERSON", "PURPOSE", "SINCE (UTC)",
		       "ON");
	json_array_foreach(views, index, view)
	{
		time_t since = (time_t)cli_number(view, "since_unix");
		struct tm utc;
		char text[20] = "";

		if (gmtime_r(&since, &utc))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &utc);
		printf("%-6lld %-20s %-16s %-17s ", cli_number(view, "view"),
		       cli_text(view, "person"),
		       cli_text(view, "purpose")[0] ? cli_text(view, "purpose") : "-", text);
		cli_print_safe(cli_text(view, "path"));
		putchar('\n');
	}
}

/* What whoever keeps the policy should look at; absent for everybody else. */
static void print_policy(const json_t *answer)
{
	const json_t *lapse;
	size_t index;

	printf("policy  %s, serial %lld\n", cli_text(answer, "policy"),
	       cli_number(answer, "policy_serial"));
	if (*cli_text(answer, "policy_trouble"))
		printf("        the last one was REFUSED and changed nothing: %s\n",
		       cli_text(answer, "policy_trouble"));
	json_array_foreach(json_object_get(answer, "lapses"), index, lapse)
	{
		const char *standing = cli_text(lapse, "standing");
		bool is_soon = strcmp(standing, "counts") == 0;

		printf("        %s as '%s': %s %s%s\n", cli_text(lapse, "person"),
		       cli_text(lapse, "role"), is_soon ? cli_text(lapse, "requirement") : standing,
		       is_soon ? "ends with " : "", cli_text(lapse, "until"));
	}
}

static void print_shreds(const json_t *answer)
{
	const char *trouble = cli_text(answer, "shred_trouble");

	if (!*trouble)
		return;
	printf("shreds  NOT DONE: ");
	cli_print_safe(trouble);
	putchar('\n');
}

static void print_anchor(const json_t *anchor)
{
	printf("anchor  ");
	cli_print_safe(cli_text(anchor, "target"));
	if (json_is_integer(json_object_get(anchor, "age_seconds")))
		printf(": %lld s old, %lld events behind", cli_number(anchor, "age_seconds"),
		       cli_number(anchor, "behind"));
	else
		printf(": none taken yet");
	if (json_is_true(json_object_get(anchor, "is_same_medium")))
		printf(" (on the store's own medium: it proves little)");
	if (*cli_text(anchor, "trouble")) {
		printf("; FAILED: ");
		cli_print_safe(cli_text(anchor, "trouble"));
	}
	putchar('\n');
}

static void print_log(const json_t *log, const char *key, const char *store, bool is_solo)
{
	bool is_writable = json_is_true(json_object_get(log, "is_writable"));
	const json_t *anchors = json_object_get(log, "anchors"), *anchor;
	size_t index;

	printf("log     %s, %lld events durable%s%s\n", is_writable ? "writable" : "BROKEN",
	       cli_number(log, "durable_sequence"), is_writable ? "" : ": ",
	       cli_text(log, "broken"));
	if (!is_writable)
		printf("        %lld requests were refused since%s. Next: mend it, then bailee log "
		       "unlatch --reason TEXT\n",
		       cli_number(log, "refused"),
		       strcmp(cli_text(log, "mode"), "reserve") == 0
			       ? "; what is due is still destroyed, from the reserve"
			       : "");
	if (cli_number(log, "bounded_ms"))
		printf("        bounded: permitted reads and stats are durable within %lld ms\n",
		       cli_number(log, "bounded_ms"));
	printf("key     %s\n", key);
	json_array_foreach(anchors, index, anchor) print_anchor(anchor);
	if (anchors && !json_array_size(anchors) && !is_solo)
		printf("anchor  none: an older copy of the store could take its place unseen "
		       "(bailee "
		       "serve --anchor DIR)\n");
	if (json_is_true(json_object_get(log, "are_contents_closed")))
		printf("        contents are CLOSED to everybody: no anchor is younger than the "
		       "policy wants (audit: anchor_every, %lld s). Next: %s\n",
		       cli_number(log, "anchor_every_seconds"),
		       json_array_size(anchors) ? "mend what is said of the anchors above"
		       : is_solo		? "take anchor_every out of the policy"
						: "bailee serve --anchor DIR");
	if (json_is_true(json_object_get(log, "is_kit_in_store")) && !is_solo)
		printf("kit     in the store: whoever has the store can forge the log. Next: move "
		       "%s/auditor.kit to the auditor\n",
		       store);
}

static bool take_device(void *context, const json_t *answer)
{
	json_t *device = json_object_get(answer, "device");

	return !device || json_array_append(context, device) == 0;
}

int cmd_status(int argc, char **argv)
{
	struct invocation invocation = {.command = "status", .usage = "status [--json]"};
	BL_CLEANUP(json_decref) json_t *request = json_pack("{s:s}", "do", "status");
	BL_CLEANUP(json_decref) json_t *devices = json_array();
	BL_CLEANUP(json_decref) json_t *answer = NULL;
	struct bl_error why = {{0}};
	int code = cli_parse(&invocation, argc, argv, NULL, 0, 0, 0);

	if (code >= 0)
		return code;

	enum bl_status status =
		cli_call(&invocation, request, -1, take_device, devices, &answer, &why);

	if (status != BL_OK)
		return cli_fail(&invocation, status, &why);

	json_object_set(answer, "devices", devices);

	const json_t *log = json_object_get(answer, "log");
	bool is_writable = json_is_true(json_object_get(log, "is_writable"));

	if (invocation.wants_json) {
		cli_print_json(answer);
	} else {
		printf("store   %s%s\n", invocation.store,
		       json_is_true(json_object_get(answer, "solo"))
			       ? " (solo: nothing is enforced against its owner)"
			       : "");
		print_policy(answer);
		print_log(log, cli_text(answer, "public_key"), invocation.store,
			  json_is_true(json_object_get(answer, "solo")));
		print_devices(devices);
		print_shreds(answer);
		print_views(json_object_get(answer, "views"));
	}
	return is_writable ? 0 : bl_status_exit(BL_LOG_BROKEN);
}
