/* An inventory of a device: looked through whole, counted by class and by path, and kept, so that who opens a file waits for nothing. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"
#include "policy/rules/rules.h"

#define TRIES 3 /* another policy, or who is known on the device, may have it begun anew */

struct counting {
	struct asked *asked;
	struct policy *policy;
	bool wants_paths;
	atomic_bool is_cancelled;
	uint64_t files[CLASS_LIMIT]; /* with a value of that class */
};

static void on_progress(void *context, const struct gate_scan_counts *counts)
{
	struct counting *counting = context;
	bool is_harvest = counts->wait_percent < 100;

	asked_send(counting->asked, "progress",
		   json_pack("{s:s,s:I,s:I,s:I,s:I}", "what",
			     is_harvest ? "getting to know" : "looking", "done",
			     (json_int_t)(is_harvest ? counts->wait_percent : counts->bytes_done),
			     "total", (json_int_t)(is_harvest ? 100 : counts->bytes), "files",
			     (json_int_t)counts->files, "files_done",
			     (json_int_t)counts->files_done));
	/* What was looked into is kept: nothing is lost. */
	if (!asked_goes_on(counting->asked))
		atomic_store(&counting->is_cancelled, true);
}

static json_t *classes_json(const struct counting *counting, const uint64_t *counts)
{
	json_t *classes = json_object();

	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		if (counts[i])
			answer_number(classes, policy_class_name(counting->policy, i),
				      (int64_t)counts[i]);
	return classes;
}

static const char *say_state(const struct gate_scan_file *file)
{
	switch (file->how) {
	case SCANNED_WHOLE:
		return "looked through";
	case SCANNED_PARTLY:
		return "a part of it is no text, and withheld";
	case SCANNED_SKIPPED:
		return file->reason ? file->reason : "no text";
	case SCANNED_FAILED:
		return "cannot be read";
	}
	return "";
}

static void on_file(void *context, const struct gate_scan_file *file)
{
	struct counting *counting = context;

	for (unsigned i = 0; i < CLASS_LIMIT; i++)
		counting->files[i] += file->found[i] != 0;
	if (!counting->wants_paths)
		return;
	asked_send(counting->asked, "found",
		   json_pack("{s:s,s:I,s:s,s:o}", "path", file->path, "bytes",
			     (json_int_t)file->size_bytes, "state", say_state(file), "classes",
			     classes_json(counting, file->found)));
}

static json_t *found_json(const struct counting *counting, const struct gate_scan_counts *counts)
{
	json_t *classes = json_object();

	for (unsigned i = 0; i < CLASS_LIMIT; i++) {
		if (!counts->found[i])
			continue;
		json_object_set_new(classes, policy_class_name(counting->policy, i),
				    json_pack("{s:I,s:I}", "values", (json_int_t)counts->found[i],
					      "files", (json_int_t)counting->files[i]));
	}
	return classes;
}

static void answer_counts(const struct counting *counting, const struct gate_scan_counts *counts)
{
	json_t *answer = counting->asked->answer;

	answer_number(answer, "files", (int64_t)counts->files);
	answer_number(answer, "bytes", (int64_t)counts->bytes);
	answer_number(answer, "read_bytes", (int64_t)counts->looked_bytes);
	answer_number(answer, "looked",
		      (int64_t)(counts->files_done -
				BL_MIN(counts->files_done, counts->skipped + counts->failed)));
	answer_number(answer, "withheld", (int64_t)counts->skipped);
	answer_number(answer, "partly", (int64_t)counts->withheld);
	answer_number(answer, "unread", (int64_t)counts->failed);
	answer_number(answer, "unreadable", (int64_t)counts->unreadable);
	json_object_set_new(answer, "classes", found_json(counting, counts));
	json_object_set_new(answer, "names", classes_json(counting, counts->names));
}

/* For who reports to the customer. That it cannot be kept is no fault of the count. */
static void keep(const struct asked *asked, const char *device)
{
	BL_CLEANUP(json_decref) json_t *found = json_deep_copy(asked->answer);
	BL_CLEANUP(bl_free) char *text = NULL;

	answer_number(found, "at", daemon_trusted(asked->daemon));
	text = json_dumps(found, JSON_COMPACT);
	if (text)
		(void)!device_found_write(asked->daemon->store, device, text, NULL);
}

static enum bl_status run(struct counting *counting, const char *device, struct bl_error *why)
{
	struct daemon *daemon = counting->asked->daemon;
	struct gate_scan_counts *counts = calloc(1, sizeof(*counts));
	const struct gate_scan scan = {.device = device,
				       .is_cancelled = &counting->is_cancelled,
				       .progress = on_progress,
				       .file = on_file,
				       .context = counting};
	enum bl_status status = counts ? BL_STALE : BL_NO_MEMORY;

	for (unsigned i = 0; status == BL_STALE && i < TRIES; i++) {
		memset(counts, 0, sizeof(*counts));
		memset(counting->files, 0, sizeof(counting->files));
		asked_send(counting->asked, "begun", json_true());
		status = gate_scan(daemon->gate, &scan, counts, why);
	}
	if (status == BL_OK)
		answer_counts(counting, counts);
	if (status == BL_OK)
		keep(counting->asked, device);
	free(counts);
	return status;
}

/* Who takes devices in, looks after them or looks at what others did learns how much is in there; where, only who may list it. */
static enum bl_status permit(struct asked *asked, struct device *out_device, struct bl_error *why)
{
	static const enum bl_action ACTIONS[] = {ACTION_REVIEW, ACTION_ADMINISTER, ACTION_INTAKE};
	enum bl_status status =
		asked_permitted_any(asked, ACTIONS, BL_COUNT(ACTIONS), out_device, why);

	if (status == BL_OK && asked_flag(asked, "paths"))
		status = asked_permit(asked, ACTION_LIST, out_device, why);
	return status;
}

enum bl_status request_scan(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	BL_CLEANUP(bl_free) struct counting *counting = calloc(1, sizeof(*counting));
	struct device device;

	if (!counting)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	counting->asked = asked;
	counting->policy = policy;
	counting->wants_paths = asked_flag(asked, "paths");
	enum bl_status status = permit(asked, &device, why);

	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device.id,
				   counting->wants_paths ? "scan paths" : "scan", BL_OK, why);
	/* It may take hours: it takes a seat of those that do. */
	if (status == BL_OK)
		status = control_take_seat(asked->daemon, asked->fd, SEAT_INTAKE, why);
	if (status != BL_OK)
		return status;
	status = run(counting, device.id, why);
	control_leave_seat(asked->daemon, asked->fd);
	answer_text(asked->answer, "device", device.id);
	return status;
}
