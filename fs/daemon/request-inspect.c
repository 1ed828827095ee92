/* The wipe check: the client opens the medium, the daemon reads and judges, so that nobody signs what is not so. */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/life.h"
#include "fs/inspect/inspect.h"

struct checking {
	struct asked *asked;
	struct policy *policy;
	bool has_device;
	struct device device;
	struct device_record known; /* its identities */
	int64_t begun_unix, begun_trusted_unix;
	struct inspect_medium medium;
	struct inspect_report reports[INSPECT_REPORTS];
	size_t report_count;
};

/* The client opened it with its own rights: root reads nothing for it that it could not itself. */
static enum bl_status check_medium(const struct asked *asked, struct bl_error *why)
{
	struct stat stat;
	int flags = asked->passed_fd < 0 ? -1 : fcntl(asked->passed_fd, F_GETFL);

	if (flags < 0 || fstat(asked->passed_fd, &stat) < 0)
		return bl_fail(why, BL_INVALID, "no open medium came with the request");
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bl_fail(why, BL_FORBIDDEN, "the medium is not open for reading");
	if (!S_ISREG(stat.st_mode) && !S_ISBLK(stat.st_mode))
		return bl_fail(why, BL_INVALID,
			       "a medium is an image file or a block device (/dev/sdX)");
	return BL_OK;
}

/* A partition that is cleared says nothing of what lies beside it, and its disk's serial number would have it taken for the whole. */
static enum bl_status look_at_medium(struct checking *checking, struct bl_error *why)
{
	inspect_medium_look(checking->asked->passed_fd, &checking->medium);
	return checking->medium.is_part
		       ? bl_fail(why, BL_INVALID,
				 "the medium is a part of a disk (name the whole one: /dev/sdX, "
				 "not /dev/sdX1)")
		       : BL_OK;
}

/* Regular files only: a pipe would have us wait. */
static enum bl_status read_report(int fd, struct inspect_report *out_report, struct bl_error *why)
{
	BL_CLEANUP(bl_free) char *bytes = malloc(INSPECT_REPORT_SIZE + 1);
	struct stat stat;
	size_t length = 0;
	ssize_t got = 1;

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) ||
	    (fcntl(fd, F_GETFL) & (O_PATH | O_ACCMODE)) != O_RDONLY)
		return bl_fail(why, BL_INVALID, "a report is a file that is open for reading");
	while (got > 0 && length <= INSPECT_REPORT_SIZE) {
		got = pread(fd, bytes + length, INSPECT_REPORT_SIZE + 1 - length, (off_t)length);
		length += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return bl_fail_errno(why, BL_IO, "cannot read the report");
	if (length > INSPECT_REPORT_SIZE)
		return bl_fail(why, BL_TOO_LARGE, "a report has at most 1 MiB");
	return inspect_report_parse(bytes, length, out_report, why);
}

static enum bl_status take_reports(struct checking *checking, struct bl_error *why)
{
	const struct message_fds *fds = checking->asked->fds;
	enum bl_status status = BL_OK;

	if (fds->count > 1 + INSPECT_REPORTS)
		return bl_fail(why, BL_INVALID, "at most %d reports (--report)", INSPECT_REPORTS);
	for (size_t i = 1; i < fds->count && status == BL_OK; i++) {
		status = read_report(fds->items[i], &checking->reports[i - 1], why);
		if (status != BL_OK)
			bl_explain(why, "report %zu", i);
		checking->report_count = i;
	}
	return status;
}

static bool tell_progress(void *context, uint64_t done_bytes, uint64_t all_bytes)
{
	struct asked *asked = context;

	asked_send(asked, "progress",
		   json_pack("{s:I,s:I}", "done", (json_int_t)done_bytes, "total",
			     (json_int_t)all_bytes));
	/* Nothing was begun that has to be ended. */
	return asked_goes_on(asked);
}

/* Classes of the policy that nothing of this version can find are not looked for, and nobody is told that they were. */
static bl_classes looked_for(const struct checking *checking)
{
	bl_classes built_in = CLASS_BIT(CLASS_COUNT) - 1;
	bl_classes found = policy_detects(checking->policy) & (detect_supported() | ~built_in);

	/* What the record knows is looked for whatever the policy says. */
	return checking->known.identity_count ? found | CLASS_BIT(CLASS_CUSTOMER) : found;
}

static const char *name_of(const void *context, unsigned class)
{
	return policy_class_name(context, class);
}

static enum bl_status sign(const struct checking *checking, const struct inspect_result *result,
			   char **out_json, struct bl_error *why)
{
	struct daemon *daemon = checking->asked->daemon;
	const struct inspect_statement statement = {
		.result = result,
		.medium = &checking->medium,
		.device = checking->has_device ? &checking->device : NULL,
		.looked_for = looked_for(checking),
		.class_name = name_of,
		.class_context = checking->policy,
		.identity_count = checking->known.identity_count,
		.reports = checking->reports,
		.report_count = checking->report_count,
		.begun_unix = checking->begun_unix,
		.done_unix = daemon_wall(),
		.trusted_unix = daemon_trusted(daemon),
		.by = checking->asked->peer->uid,
	};

	return inspect_sign(daemon->store, &statement, out_json, why);
}

/* ---- keeping it ------------------------------------------------------------------------------------------ */

static enum bl_status write_pages(struct device_store *store, const char *id, const char *json,
				  struct bl_error *why)
{
	static const struct {
		const char *suffix;
		enum inspect_page page;
	} PAGES[] = {{"~inspect.txt", INSPECT_TEXT}, {"~inspect.html", INSPECT_HTML}};
	const uint8_t *key = vault_public_key(device_store_vault(store));
	enum bl_status status =
		device_certificate_write(store, id, "~inspect.json", json, strlen(json), why);

	for (size_t i = 0; i < BL_COUNT(PAGES) && status == BL_OK; i++) {
		BL_CLEANUP(bl_free) char *page = NULL;

		status = inspect_verify(json, strlen(json), key, PAGES[i].page, &page, NULL, why);
		if (status == BL_OK)
			status = device_certificate_write(store, id, PAGES[i].suffix, page,
							  strlen(page), why);
	}
	return status;
}

static enum inspect_known compare_serials(const struct checking *checking)
{
	return inspect_serial_matches(checking->medium.serial, checking->device.serial);
}

/* Whoever reads the chain of custody sees how much the device and the medium have to do with each other. */
static const char *say_serial(const struct checking *checking)
{
	static const char *const words[] = {[INSPECT_NOT_KNOWN] = " serial=unknown",
					    [INSPECT_NO] = " serial=other",
					    [INSPECT_YES] = " serial=same"};

	return words[compare_serials(checking)];
}

static enum bl_status log_inspected(const struct checking *checking,
				    const struct inspect_result *result,
				    const uint8_t digest[DEVICE_DIGEST], struct bl_error *why)
{
	const struct asked *asked = checking->asked;
	struct audit_event event = event_by(asked->daemon, asked->peer, AUDIT_INSPECTED);
	char hex[2 * DEVICE_DIGEST + 1];

	sodium_bin2hex(hex, sizeof(hex), digest, DEVICE_DIGEST);
	event.bytes = result->size_bytes;
	snprintf(event.device, sizeof(event.device), "%s",
		 checking->has_device ? checking->device.id : "");
	snprintf(event.rule, sizeof(event.rule), "%s", asked->rule);
	snprintf(event.detail, sizeof(event.detail), "%s %s%s blake2b=%s",
		 inspect_verdict_name(result->verdict),
		 checking->medium.is_block_device ? "block-device" : "file",
		 checking->has_device ? say_serial(checking) : "", hex);
	return log_append(asked->daemon, &event, asked_text(asked, "reason"), why);
}

/* The files, and last the record: what restocking goes by is never ahead of what can be shown. */
static enum bl_status keep_with_device(const struct checking *checking, const char *json,
				       const struct device_inspected *inspected,
				       struct bl_error *why)
{
	struct device_store *store = checking->asked->daemon->store;
	enum bl_status status = write_pages(store, checking->device.id, json, why);

	return status == BL_OK ? device_set_inspected(store, checking->device.id, inspected, why)
			       : status;
}

/* It may have taken hours. What was compared is what the record said when it began. */
static enum bl_status check_same(const struct checking *checking, struct bl_error *why)
{
	struct device device;
	enum bl_status status =
		device_find(checking->asked->daemon->store, checking->device.id, &device, why);

	if (status == BL_OK && strcmp(device.serial, checking->device.serial) != 0)
		return bl_fail(why, BL_STALE,
			       "the serial number of '%s' was changed while it was inspected "
			       "(inspect it again)",
			       device.id);
	return status;
}

static enum bl_status keep(const struct checking *checking, const struct inspect_result *result,
			   const char *json, struct bl_error *why)
{
	const struct asked *asked = checking->asked;
	struct daemon *daemon = asked->daemon;
	struct device_inspected inspected = {
		/* What was read before it was destroyed is no proof of what is left after. */
		.at_unix = checking->begun_trusted_unix,
		.by = asked->peer->uid,
		.is_empty = result->verdict == INSPECT_EMPTY,
		.is_other = compare_serials(checking) == INSPECT_NO,
	};

	crypto_generichash(inspected.statement, DEVICE_DIGEST, (const uint8_t *)json, strlen(json),
			   NULL, 0);
	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = checking->has_device ? check_same(checking, why) : BL_OK;

	if (status == BL_OK)
		status = log_inspected(checking, result, inspected.statement, why);
	if (status == BL_OK && checking->has_device)
		status = keep_with_device(checking, json, &inspected, why);
	asked_undone(asked, AUDIT_INSPECTED, checking->has_device ? checking->device.id : NULL,
		     status);
	pthread_mutex_unlock(&daemon->life_lock);
	return status;
}

/* ---- the request ------------------------------------------------------------------------------------------- */

static enum bl_status run(struct checking *checking, struct bl_error *why)
{
	struct asked *asked = checking->asked;
	const struct inspect_job job = {
		.fd = asked->passed_fd,
		.reader_path = asked->daemon->reader_path,
		.classes = looked_for(checking),
		.custom = policy_custom(checking->policy),
		.identities = checking->known.identities,
		.identity_count = checking->known.identity_count,
		.progress = tell_progress,
		.context = asked,
	};
	BL_CLEANUP(bl_free) struct inspect_result *result = NULL;
	BL_CLEANUP(bl_free) char *json = NULL;
	checking->begun_unix = daemon_wall();
	checking->begun_trusted_unix = daemon_trusted(asked->daemon);

	enum bl_status status = inspect_run(&job, &result, why);

	if (status == BL_OK)
		status = sign(checking, result, &json, why);
	if (status == BL_OK)
		status = keep(checking, result, json, why);
	if (status != BL_OK)
		return status;
	asked_send_text(asked, json, strlen(json));
	answer_text(asked->answer, "verdict", inspect_verdict_name(result->verdict));
	answer_text(asked->answer, "device", checking->has_device ? checking->device.id : "");
	return BL_OK;
}

static enum bl_status permit(struct checking *checking, struct bl_error *why)
{
	struct asked *asked = checking->asked;

	checking->has_device = asked_text(asked, "device") != NULL;
	if (!checking->has_device)
		return asked_permit(asked, ACTION_INTAKE, NULL, why);
	return asked_permitted_device(asked, ACTION_INTAKE, &checking->device, why);
}

/* What is known of a customer whose record is destroyed already is nothing. */
static enum bl_status learn(struct checking *checking, struct bl_error *why)
{
	if (!checking->has_device || checking->device.state == STATE_SHREDDED)
		return BL_OK;
	return device_identities(checking->asked->daemon->store, checking->device.id,
				 &checking->known, why);
}

enum bl_status request_inspect(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	BL_CLEANUP(bl_free) struct checking *checking = calloc(1, sizeof(*checking));

	if (!checking)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	checking->asked = asked;
	checking->policy = policy;
	enum bl_status status = permit(checking, why);

	if (status == BL_OK)
		status = check_medium(asked, why);
	if (status == BL_OK)
		status = look_at_medium(checking, why);
	if (status == BL_OK)
		status = take_reports(checking, why);
	if (status == BL_OK)
		status = learn(checking, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN,
				   checking->has_device ? checking->device.id : NULL, "inspect",
				   BL_OK, why);
	/* It may take hours: it takes a seat of those that do. */
	if (status == BL_OK)
		status = control_take_seat(asked->daemon, asked->fd, SEAT_INTAKE, why);
	if (status == BL_OK) {
		status = run(checking, why);
		control_leave_seat(asked->daemon, asked->fd);
	}
	device_record_done(&checking->known);
	return status;
}
