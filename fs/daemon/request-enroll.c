/* A device is made known where its image lies. */
#include "fs/daemon/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/handed.h"
#include "fs/device/matters.h"
#include "fs/image/container.h"
#include "fs/image/part.h"

/*
 * The client opened the source with its own rights and passes the descriptor: nobody has root read, or destroy, what
 * they could not themselves.
 */
static enum bl_status check_source(const struct asked *asked, bool destroy, struct bl_error *why)
{
	struct stat stat;
	int flags = asked->passed_fd < 0 ? -1 : fcntl(asked->passed_fd, F_GETFL);

	if (flags < 0 || fstat(asked->passed_fd, &stat) < 0)
		return bl_fail(why, BL_INVALID, "no open source came with the request");
	/* O_PATH needs no right to read, and O_WRONLY is another one. */
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is not open for reading (open it, do not just name it)");
	/* A folder is opened, but what lies in it would be read with the service's rights. */
	if (S_ISDIR(stat.st_mode) && asked->peer->uid != asked->daemon->owner)
		return bl_fail(
			why, BL_FORBIDDEN,
			"a folder is the store owner's to enrol, since what is in it is read "
			"with the service's rights (enrol an image file)");
	return destroy ? handed_check_destroyable(asked, asked->passed_fd, why)
		       : handed_check_shared(asked, asked->passed_fd, false, why);
}

enum bl_status asked_new_device(const struct asked *asked, struct device *out_device,
				struct bl_error *why)
{
	const char *id = asked_text(asked, "device");
	const char *kind = asked_text(asked, "kind");

	if (!id || !bl_device_id_ok(id))
		return bl_fail(why, BL_INVALID,
			       "device id is not one (1 to 31 of A-Z a-z 0-9 . _ -)");
	if (!kind || !bl_device_kind_parse(kind, &out_device->kind))
		return bl_fail(why, BL_INVALID,
			       "kind of device is not one (phone tablet laptop desktop disk "
			       "usb-stick memory-card "
			       "camera console wearable network printer other)");
	snprintf(out_device->id, sizeof(out_device->id), "%s", id);
	out_device->state = STATE_RECEIVED;
	out_device->enrolled_unix = daemon_trusted(asked->daemon);
	out_device->received_unix = out_device->enrolled_unix;
	return BL_OK;
}

/* Its date counts from then: a slip of the pen would put the destruction off. A day is left for time zones. */
static enum bl_status check_received(const struct device_record *record, int64_t now_unix,
				     struct bl_error *why)
{
	if (record->has_received && record->received_unix > now_unix + 86400)
		return bl_fail(why, BL_INVALID,
			       "'received' lies in the future (the day the device was taken in)");
	return BL_OK;
}

/* What the record says of its condition is a note like those that come later. */
static enum bl_status enroll(const struct asked *asked, struct device *device,
			     const struct device_record *record, struct bl_error *why)
{
	struct device_store *store = asked->daemon->store;
	enum bl_status status = device_enroll(store, device, record, why);

	if (status != BL_OK || !record || !*record->condition)
		return status;
	const struct device_note note = {.about = NOTE_CONDITION,
					 .at_unix = device->enrolled_unix,
					 .by = asked->peer->uid,
					 .text = record->condition};
	struct bl_error here;
	uint32_t number;

	/* The device is there: a note that is lost is told, and can be written again. */
	if (device_note_add(store, device->id, &note, &number, &here) != BL_OK)
		answer_text(asked->answer, "warning", "the note of its condition was not kept");
	return BL_OK;
}

enum bl_status asked_enroll(struct asked *asked, struct device *device, const char *detail,
			    struct bl_error *why)
{
	const char *text = asked_text(asked, "record");
	struct device_record record = {.has_received = false};
	enum bl_status status =
		text ? device_record_parse(text, strlen(text), &record, why) : BL_OK;

	if (status == BL_OK && text) {
		status = check_received(&record, daemon_now(asked->daemon), why);
		if (status != BL_OK)
			device_record_done(&record);
		/* Trusted time may be behind, after the host was off: then this is its today. */
		record.received_unix = BL_MIN(record.received_unix, device->enrolled_unix);
	}
	if (status != BL_OK) {
		bl_explain(why, "record");
		return status;
	}
	/* The event comes first: a device is never known without one; a failed attempt has one as well. */
	pthread_mutex_lock(&asked->daemon->life_lock);
	status = asked_log(asked, AUDIT_ENROLLED, device->id, detail, BL_OK, why);
	if (status == BL_OK)
		status = enroll(asked, device, text ? &record : NULL, why);
	asked_undone(asked, AUDIT_ENROLLED, device->id, status);
	/* What came too late is closed before anybody can see it; a failure is the keeper's, who tries again. */
	if (status == BL_OK)
		(void)!keeper_settle(asked->daemon, device->id, NULL);
	pthread_mutex_unlock(&asked->daemon->life_lock);
	/* Also while its intake goes on: who may hold it may do so then. */
	if (status == BL_OK)
		gate_device_changed(asked->daemon->gate, device->id);
	if (text)
		device_record_done(&record);
	return status;
}

/* Whether there is such a part the client has looked; where there is none the device shows a notice. */
static enum bl_status take_part(const struct asked *asked, bool is_contained, struct device *device,
				struct bl_error *why)
{
	const char *fs = asked_text(asked, "fs");
	struct image_part part = {.offset = (uint64_t)asked_number(asked, "offset", 0),
				  .partition = (uint32_t)asked_number(asked, "partition", 0)};
	enum bl_status status = fs ? image_part_take(&part, "fs", fs, why) : BL_OK;

	if (status != BL_OK || image_part_is_whole(&part))
		return status;
	if (device->destroy_when_due)
		return bl_fail(why, BL_INVALID,
			       "a part of a source is not destroyed when due: its other parts "
			       "would be as well");
	off_t end = lseek(asked->passed_fd, 0, SEEK_END);
	struct stat stat;

	if (end < 0 || fstat(asked->passed_fd, &stat) < 0 || S_ISDIR(stat.st_mode))
		return bl_fail(why, BL_INVALID, "a part is one of an image");
	device->source_offset = part.offset;
	device->source_partition = part.partition;
	memcpy(device->source_fs, part.fs, sizeof(device->source_fs));
	/* How many bytes are in a container its program knows, and nobody runs that here. */
	return image_part_ok(&part, is_contained ? INT64_MAX : (uint64_t)end, why);
}

/* Images of two devices that somebody named .001 and .002 are no pieces of one: nobody shall see the one in the other. */
static enum bl_status check_further(const struct asked *asked, const struct container *container,
				    struct bl_error *why)
{
	for (size_t i = 1; i < container->count; i++)
		if (handed_check_shared(asked, container->fds[i], true, NULL) != BL_OK)
			return bl_fail(
				why, BL_INVALID,
				"file %zu of the image is the image of another device (.001, "
				".002 are pieces of one: rename what is none)",
				i + 1);
	return BL_OK;
}

/*
 * What lies in several files is destroyed whole or not at all, and a record knows of one. *out_is_contained is false as well for what
 * cannot be opened: that shows a notice.
 */
static enum bl_status check_files(const struct asked *asked, const struct device *device,
				  bool *out_is_contained, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = NULL;
	BL_CLEANUP(bl_free) char *path = realpath(device->source, NULL);
	struct stat stat;

	*out_is_contained = false;
	if (!path || fstat(asked->passed_fd, &stat) < 0 || S_ISDIR(stat.st_mode))
		return BL_OK;
	enum bl_status status = container_open_beside(asked->passed_fd, path, &container, why);
	if (status == BL_OK) {
		*out_is_contained = container->kind != CONTAINER_NONE;
		enum bl_status further = check_further(asked, container, why);
		if (further != BL_OK)
			return further;
	}
	if (!device->destroy_when_due)
		return status == BL_NO_MEMORY ? status : BL_OK;
	if (status == BL_OK && container->count > 1)
		return bl_fail(why, BL_INVALID,
			       "an image in %zu files is not destroyed when due (take it in: "
			       "bailee intake --destroy-source destroys all of them)",
			       container->count);
	return status;
}

/* For the event: what of its source it is. */
static const char *detail_of(const struct device *device)
{
	if (device->destroy_when_due)
		return "to be destroyed when due";
	return device_is_part(device) ? "a part of its source" : "";
}

enum bl_status request_enroll(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));
	bool is_contained = false;

	if (!device)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");

	enum bl_status status = asked_new_device(asked, device, why);

	device->destroy_when_due = asked_flag(asked, "destroy_when_due");
	snprintf(device->source, sizeof(device->source), "/proc/self/fd/%d", asked->passed_fd);
	if (status == BL_OK)
		status = asked_permit_intake(asked, device, why);
	if (status == BL_OK)
		status = check_source(asked, device->destroy_when_due, why);
	if (status == BL_OK)
		status = check_files(asked, device, &is_contained, why);
	if (status == BL_OK)
		status = take_part(asked, is_contained, device, why);
	if (status == BL_OK)
		status = asked_enroll(asked, device, detail_of(device), why);
	if (status != BL_OK)
		return status;
	keeper_wake(asked->daemon);
	answer_text(asked->answer, "device", device->id);
	answer_text(asked->answer, "kind", bl_device_kind_name(device->kind));
	return BL_OK;
}
