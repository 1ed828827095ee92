/* Destructions of sealed images, of sources and of parts, killed at every step: each ends by itself, once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/fault/retention.h"

/* The parent holds no store while a child destroys: the lock is the daemon's. */
static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || !fixture_init(fixture))
		return -1;
	if (geteuid() == 0) {
		mount_disk(fixture, "^inline_data");
		mount_volume(fixture, "ext4");
	}
	*state = fixture;
	return 0;
}

/* ---- dying ---------------------------------------------------------------------------------------- */

static void die(void *context, const char *device, enum retention_step step)
{
	const enum retention_step *at = context;

	(void)device;
	if (step == *at)
		kill(getpid(), SIGKILL);
}

typedef enum bl_status destroy_fn(const struct retention_context *context, const char *id,
				  struct bl_error *why);

/* Destroys in a child that dies at @step; false when it did not. */
static bool destroy_and_die(struct fixture *fixture, const char *id, destroy_fn *destroy,
			    int64_t now_unix, enum retention_step step)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct rlimit no_core = {0};
		struct bl_error why = {.text = ""};

		setrlimit(RLIMIT_CORE, &no_core);
		if (!fixture_open_store(fixture))
			_exit(2);

		struct retention_context context = context_of(fixture, now_unix);

		context.on_step = die;
		context.step_context = &step;

		enum bl_status result = destroy(&context, id, &why);

		fprintf(stderr, "lived: %s: %s\n", bl_status_name(result), why.text);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

/* ---- sealed ---------------------------------------------------------------------------------------- */

static void sealed_shred_killed_at_any_step_completes_by_itself(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	for (unsigned at = STEP_INTENT + 1; at < STEP_COUNT; at++) {
		enum retention_step step = (enum retention_step)at;
		char id[16];

		if (!machine_has(SHRED_SEALED, step))
			continue;
		print_message("killed before %s\n", retention_step_name(step));
		snprintf(id, sizeof(id), "RMA-%u", at);
		assert_true(fixture_open_store(fixture));
		/* Every other one was never completed: that changes nothing. */
		assert_true(add_sealed(fixture, id, 2, 3 << 20, at % 2));
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, retention_shred, NOW, step));
		/* And once more, at the same place, by whoever goes on. */
		destroy_and_die(fixture, id, retention_shred, NOW, step);
		assert_true(fixture_open_store(fixture));
		assert_int_equal(recover(fixture, NOW), 1);
		assert_sealed_destroyed(fixture, id);
		assert_int_equal(recover(fixture, NOW), 0);
		fixture_close_store(fixture);
	}
}

/* What an operator does when a journal is damaged for good. Whatever was done before, the keys are gone and one DONE says so. */
static void sealed_shred_whose_journal_is_lost_is_begun_again(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	for (unsigned at = STEP_INTENT + 1; at < STEP_DONE; at++) {
		enum retention_step step = (enum retention_step)at;
		struct bl_error why = {.text = ""};
		uint8_t key[VAULT_KEY];
		char id[16];

		if (!machine_has(SHRED_SEALED, step))
			continue;
		print_message("killed before %s\n", retention_step_name(step));
		snprintf(id, sizeof(id), "RMA-%u", at);
		assert_true(fixture_open_store(fixture));
		assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, retention_shred, NOW, step));
		assert_true(fixture_open_store(fixture));
		assert_int_equal(journal_remove(fixture->store, id, SHRED_SEALED, NULL), BL_OK);

		struct retention_context context = context_of(fixture, NOW);

		if (retention_shred(&context, id, &why) != BL_OK)
			fail_msg("%s", why.text);
		assert_int_equal(count_events(fixture, id, AUDIT_SHRED_DONE).found, 1);
		assert_int_equal(
			vault_image_root(device_store_vault(fixture->store), id, key, NULL),
			BL_NOT_FOUND);
		fixture_close_store(fixture);
	}
}

static void sealed_shred_killed_before_its_intent_leaves_everything(void **state)
{
	struct fixture *fixture = *state;
	uint8_t key[VAULT_KEY];

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	assert_true(add_sealed(fixture, "RMA-1", 2, 3 << 20, true));
	fixture_close_store(fixture);
	assert_true(destroy_and_die(fixture, "RMA-1", retention_shred, NOW, STEP_INTENT));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture, NOW), 0);
	assert_int_equal(vault_image_root(device_store_vault(fixture->store), "RMA-1", key, NULL),
			 BL_OK);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 0);
}

/* ---- sources ---------------------------------------------------------------------------------------- */

/* Two files of a split image, promised; then the record says complete. */
static void promise(struct fixture *fixture, const char *id, bool is_completed)
{
	struct retention_context context = context_of(fixture, NOT_DUE);
	struct bl_error why = {.text = ""};
	int fds[2];

	for (size_t i = 0; i < 2; i++) {
		char name[64];

		snprintf(name, sizeof(name), "mnt/%s.%03zu", id, i);
		assert_true(write_image(path_of(fixture, name), IMAGE_SIZE / 2));
		fds[i] = open(path_of(fixture, name), O_RDWR | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	assert_true(enroll_sealed(fixture, id));
	/* As in an intake, which has the device to itself meanwhile. */
	assert_int_equal(device_shred_claim(fixture->store, id, NULL), BL_OK);
	if (retention_source_prepare(&context, id, fds, 2, &why) != BL_OK)
		fail_msg("prepare: %s", why.text);
	device_shred_unclaim(fixture->store, id);
	if (is_completed)
		assert_int_equal(device_complete(fixture->store, id, IMAGE_SIZE, NULL), BL_OK);
	close(fds[0]);
	close(fds[1]);
}

static void source_shred_killed_at_any_step_completes_by_itself(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	for (unsigned at = STEP_INTENT; at < STEP_COUNT; at++) {
		enum retention_step step = (enum retention_step)at;
		char id[16], name[32];

		if (!machine_has(SHRED_SOURCE, step))
			continue;
		print_message("killed before %s\n", retention_step_name(step));
		snprintf(id, sizeof(id), "RMA-%u", at);
		assert_true(fixture_open_store(fixture));
		promise(fixture, id, true);
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, retention_source_shred, NOT_DUE, step));
		destroy_and_die(fixture, id, retention_source_shred, NOT_DUE, step);
		assert_true(fixture_open_store(fixture));
		/* Also when INTENT was never told: the receipt promised it. */
		assert_int_equal(recover(fixture, NOT_DUE), 1);
		assert_certified(fixture, id, "~source.json", AUDIT_SOURCE_INTENT,
				 AUDIT_SOURCE_DONE, "ERASED");
		for (size_t i = 0; i < 2; i++) {
			snprintf(name, sizeof(name), "mnt/%s.%03zu", id, i);
			assert_int_equal(access(path_of(fixture, name), F_OK), -1);
		}
		assert_int_equal(count_planted(fixture), 0);
		assert_int_equal(recover(fixture, NOT_DUE), 0);

		struct retention_context context = context_of(fixture, NOT_DUE);

		assert_int_equal(retention_source_shred(&context, id, NULL), BL_OK);
		fixture_close_store(fixture);
	}
}

static void source_of_an_unfinished_intake_stays(void **state)
{
	struct fixture *fixture = *state;
	struct stat st;

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	promise(fixture, "RMA-1", false);

	struct retention_context context = context_of(fixture, NOT_DUE);

	assert_int_equal(retention_source_shred(&context, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(recover(fixture, NOT_DUE), 0);
	assert_int_equal(stat(path_of(fixture, "mnt/RMA-1.000"), &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE / 2);
	assert_true(count_planted(fixture) > 0);
	assert_true(journal_is_there(fixture->store, "RMA-1", SHRED_SOURCE));
}

static void source_file_that_was_replaced_is_never_touched(void **state)
{
	struct fixture *fixture = *state;
	char first[128], aside[128], *json = NULL;
	size_t length;
	struct stat st;

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	promise(fixture, "RMA-1", true);
	fixture_close_store(fixture);
	assert_true(
		destroy_and_die(fixture, "RMA-1", retention_source_shred, NOT_DUE, STEP_OVERWRITE));
	snprintf(first, sizeof(first), "%s/mnt/RMA-1.001", fixture->root);
	snprintf(aside, sizeof(aside), "%s/mnt/aside", fixture->root);
	assert_int_equal(rename(first, aside), 0);
	assert_true(write_image(first, IMAGE_SIZE / 2));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture, NOT_DUE), 1);
	assert_certified(fixture, "RMA-1", "~source.json", AUDIT_SOURCE_INTENT, AUDIT_SOURCE_DONE,
			 "NOT_ERASED");
	/* Whoever asks is not told that it is destroyed, nor does the device's own certificate say so. */
	struct retention_context context = context_of(fixture, NOW);

	assert_int_equal(retention_source_shred(&context, "RMA-1", NULL), BL_NOT_VERIFIED);
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(
		device_certificate_read(fixture->store, "RMA-1", ".json", &json, &length, NULL),
		BL_OK);
	assert_null(strstr(json, "it was destroyed"));
	assert_non_null(strstr(json, "\"the source of the intake\""));
	free(json);
	assert_int_equal(stat(first, &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE / 2);
	assert_int_equal(stat(aside, &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE / 2);
	/* The other file is destroyed all the same. */
	assert_int_equal(access(path_of(fixture, "mnt/RMA-1.000"), F_OK), -1);
}

static void symbolic_link_in_the_place_of_a_source_leads_nowhere(void **state)
{
	struct fixture *fixture = *state;
	char first[128], other[128];
	struct stat st;

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	promise(fixture, "RMA-1", true);
	snprintf(first, sizeof(first), "%s/mnt/RMA-1.000", fixture->root);
	snprintf(other, sizeof(other), "%s/mnt/other", fixture->root);
	assert_true(write_image(other, IMAGE_SIZE / 2));
	assert_int_equal(unlink(first), 0);
	assert_int_equal(symlink(other, first), 0);
	assert_int_equal(recover(fixture, NOT_DUE), 1);
	assert_certified(fixture, "RMA-1", "~source.json", AUDIT_SOURCE_INTENT, AUDIT_SOURCE_DONE,
			 "NOT_ERASED");
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE / 2);
	assert_int_equal(lstat(first, &st), 0);
}

/* A hold that comes when everything was checked, and nothing was begun. */
static void hold_at_intent(void *context, const char *device, enum retention_step step)
{
	struct fixture *fixture = context;
	uint32_t number;

	if (step == STEP_INTENT)
		assert_int_equal(device_hold_add(fixture->store, device, 0, 0, "a letter", NOT_DUE,
						 &number, NULL),
				 BL_OK);
}

static void held_source_waits_until_its_holds_are_gone(void **state)
{
	struct fixture *fixture = *state;
	char *json = NULL;
	size_t length;
	uint32_t hold;

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	promise(fixture, "RMA-1", true);
	assert_int_equal(
		device_hold_add(fixture->store, "RMA-1", 0, 0, "dispute", NOW, &hold, NULL), BL_OK);

	struct retention_context context = context_of(fixture, NOT_DUE);

	assert_int_equal(retention_source_shred(&context, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SOURCE_INTENT).found, 0);
	assert_true(count_planted(fixture) > 0);
	assert_int_equal(device_hold_release(fixture->store, "RMA-1", hold, NULL), BL_OK);
	/* The next one comes in the last moment. */
	context.on_step = hold_at_intent;
	context.step_context = fixture;
	assert_int_equal(retention_source_shred(&context, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SOURCE_INTENT).found, 0);
	assert_int_equal(device_hold_release(fixture->store, "RMA-1", hold + 1, NULL), BL_OK);
	context.on_step = NULL;
	context.by = 1009; /* not who asked for it with the intake */
	assert_int_equal(retention_source_shred(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(count_planted(fixture), 0);
	assert_int_equal(device_certificate_read(fixture->store, "RMA-1", "~source.json", &json,
						 &length, NULL),
			 BL_OK);
	assert_non_null(strstr(json, "\"operator\":\"keeper\""));
	free(json);
}

static void source_that_cannot_be_destroyed_truthfully_is_not_promised(void **state)
{
	struct fixture *fixture = *state;
	char path[128], other[160];
	struct bl_error why = {.text = ""};

	READY(fixture);
	assert_true(fixture_open_store(fixture));
	assert_true(enroll_sealed(fixture, "RMA-1"));

	struct retention_context context = context_of(fixture, NOT_DUE);

	snprintf(path, sizeof(path), "%s/mnt/linked", fixture->root);
	snprintf(other, sizeof(other), "%s.other", path);
	assert_true(write_image(path, 1 << 20));

	int writing = open(path, O_RDWR | O_CLOEXEC), reading = open(path, O_RDONLY | O_CLOEXEC);

	/* Who may not write it shall not have it destroyed. */
	assert_int_equal(retention_source_prepare(&context, "RMA-1", &reading, 1, &why),
			 BL_INVALID);
	assert_int_equal(
		retention_source_prepare(&context, "RMA-1", (int[]){writing, writing}, 2, &why),
		BL_INVALID);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(retention_source_prepare(&context, "RMA-1", &writing, 1, &why),
			 BL_UNSUPPORTED);
	assert_non_null(strstr(why.text, "file 1 of the source"));
	assert_non_null(strstr(why.text, "hard links"));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_not_equal(retention_source_prepare(&context, "RMA-1", &writing, 1, &why), BL_OK);
	assert_false(journal_is_there(fixture->store, "RMA-1", SHRED_SOURCE));
	close(writing);
	close(reading);
}

/* ---- parts -------------------------------------------------------------------------------------------- */

static void part_shred_killed_at_any_step_completes_by_itself(void **state)
{
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	for (unsigned at = STEP_INTENT + 1; at < STEP_COUNT; at++) {
		enum retention_step step = (enum retention_step)at;
		char id[16];

		if (!machine_has(SHRED_PART, step))
			continue;
		print_message("killed before %s\n", retention_step_name(step));
		snprintf(id, sizeof(id), "RMA-%u", at);
		assert_true(fixture_open_store(fixture));
		add_filesystem(fixture, id, image);
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, shred_secret, NOT_DUE, step));
		assert_true(fixture_open_store(fixture));
		assert_int_equal(recover(fixture, NOT_DUE), 1);
		assert_certified(fixture, id, "~part-1.json", AUDIT_PART_INTENT, AUDIT_PART_DONE,
				 "ERASED");
		assert_part_gone(fixture, id, image);
		assert_int_equal(recover(fixture, NOT_DUE), 0);
		assert_false(journal_is_there(fixture->store, id, SHRED_PART));
		fixture_close_store(fixture);
	}
}

static void part_killed_before_its_intent_leaves_the_image_as_it_was(void **state)
{
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	assert_true(fixture_open_store(fixture));
	add_filesystem(fixture, "RMA-1", image);
	fixture_close_store(fixture);
	assert_true(destroy_and_die(fixture, "RMA-1", shred_secret, NOT_DUE, STEP_INTENT));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture, NOT_DUE), 0);

	uint8_t *now = read_sealed_image(fixture, "RMA-1");

	assert_non_null(memmem(now, PART_SIZE,
			       PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED PLANTED,
			       312));
	free(now);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_PART_INTENT).found, 0);
}

static enum bl_status shred_other(const struct retention_context *context, const char *id,
				  uint32_t *out_number)
{
	static const char *const OTHER[] = {"**/other.txt", "**/neighbour.txt"};
	struct retention_context copy = *context;
	char reader[PATH_MAX];
	BL_CLEANUP(sealed_hot_free) struct sealed_hot *hot = NULL;
	uint64_t files = 0;

	if (!find_reader(reader, sizeof(reader)) || sealed_hot_new(4 << 20, &hot, NULL) != BL_OK)
		return BL_FAILED;
	copy.reader_path = reader;
	copy.hot = hot;

	enum bl_status status =
		retention_part_shred(&copy, id, OTHER, BL_COUNT(OTHER), &files, out_number, NULL);

	if (status == BL_OK)
		assert_int_equal(files, 2);
	return status;
}

static void hold_in_the_last_moment_stops_a_part(void **state)
{
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	assert_true(fixture_open_store(fixture));
	add_filesystem(fixture, "RMA-1", image);

	struct retention_context context = context_of(fixture, NOT_DUE);

	context.on_step = hold_at_intent;
	context.step_context = fixture;
	assert_int_equal(shred_secret(&context, "RMA-1", NULL), BL_FORBIDDEN);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_PART_INTENT).found, 0);
	assert_false(journal_is_there(fixture->store, "RMA-1", SHRED_PART));
	assert_int_equal(device_hold_release(fixture->store, "RMA-1", 1, NULL), BL_OK);
	context.on_step = NULL;
	assert_int_equal(shred_secret(&context, "RMA-1", NULL), BL_OK);
	/* What is left of it can be held. */
	hold_at_intent(fixture, "RMA-1", STEP_INTENT);
}

static void parts_are_numbered_and_the_whole_can_still_be_destroyed(void **state)
{
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX], *json = NULL;
	uint32_t number = 0;
	size_t length;

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	assert_true(fixture_open_store(fixture));
	add_filesystem(fixture, "RMA-1", image);

	struct retention_context context = context_of(fixture, NOT_DUE);
	const struct device_request request = {
		.by = 1001, .action = ACTION_SHRED, .reason = "asked", .since_unix = RECEIVED};
	const struct device_approval approval = {1002, RECEIVED};

	assert_int_equal(shred_secret(&context, "RMA-1", NULL), BL_OK);
	assert_int_equal(device_request_add(fixture->store, "RMA-1", &request, &number, NULL),
			 BL_OK);
	assert_int_equal(device_request_approve(fixture->store, "RMA-1", number, &approval, NULL),
			 BL_OK);
	context.by = 1001;
	assert_int_equal(shred_other(&context, "RMA-1", &number), BL_OK);
	assert_int_equal(number, 2);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_PART_INTENT).found, 2);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_PART_DONE).found, 2);
	assert_int_equal(device_certificate_read(fixture->store, "RMA-1", "~part-2.json", &json,
						 &length, NULL),
			 BL_OK);
	assert_non_null(strstr(json, "\"part\":2"));
	assert_non_null(strstr(json, "\"technique\":\"cryptographic erase\""));
	assert_non_null(strstr(json, "\"operator\":\"uid:1001\""));
	assert_non_null(strstr(json, "\"approvals\":[\"uid:1002\"]"));
	assert_non_null(strstr(json, "\"reason\":\"given\",\"received\""));
	assert_non_null(strstr(json, "\"request\":1"));
	assert_null(strstr(json, "other.txt"));
	free(json);

	uint8_t *now = read_sealed_image(fixture, "RMA-1");

	assert_null(memmem(now, PART_SIZE, PLANTED, strlen(PLANTED)));
	assert_null(memmem(now, PART_SIZE, "what stays; ", 12));
	free(now);
	context.now = (struct retention_now){NOW, NOW};
	assert_int_equal(retention_shred(&context, "RMA-1", NULL), BL_OK);
	assert_sealed_destroyed(fixture, "RMA-1");
	assert_int_equal(device_certificate_read(fixture->store, "RMA-1", "~part-1.html", &json,
						 &length, NULL),
			 BL_OK);
	free(json);
}

static void device_with_a_part_half_way_is_destroyed_whole(void **state)
{
	static const enum retention_step STEPS[] = {STEP_PREPARE, STEP_COMMIT, STEP_FINISH,
						    STEP_CHECK};
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	for (size_t i = 0; i < BL_COUNT(STEPS); i++) {
		char id[16];

		snprintf(id, sizeof(id), "RMA-%zu", i);
		assert_true(fixture_open_store(fixture));
		add_filesystem(fixture, id, image);
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, shred_secret, NOT_DUE, STEPS[i]));
		assert_true(destroy_and_die(fixture, id, retention_shred, NOW, STEP_TRY));
		assert_true(fixture_open_store(fixture));
		assert_int_equal(recover(fixture, NOW), 1);
		assert_sealed_destroyed(fixture, id);
		assert_int_equal(count_events(fixture, id, AUDIT_PART_INTENT).found, 1);
		assert_int_equal(count_events(fixture, id, AUDIT_PART_DONE).found, 1);
		assert_false(journal_is_there(fixture->store, id, SHRED_PART));
		fixture_close_store(fixture);
	}
}

static const char ENTRY[] =
	POLICY_HEAD "  - {id: all, destroy_after: {intake: 100d}}\n"
		    "  - {id: some, what: {paths: ['/secret.txt']}, destroy_after: {intake: 1h}}\n"
		    "  - {id: none, what: {paths: ['/nothing/**']}, destroy_after: {intake: 2h}}\n";

/* What is due of it by its entries, one after the other, as the keeper does */
static enum bl_status shred_entries(const struct retention_context *context, const char *id,
				    struct bl_error *why)
{
	struct retention_context copy = *context;
	BL_CLEANUP(policy_unref) struct policy *policy = policy_of(ENTRY);
	BL_CLEANUP(sealed_hot_free) struct sealed_hot *hot = NULL;
	enum bl_status status = sealed_hot_new(4 << 20, &hot, why);
	char reader[PATH_MAX];
	struct device device;
	size_t index = 0;

	if (!find_reader(reader, sizeof(reader)) || status != BL_OK)
		return BL_FAILED;
	copy.policy = policy;
	copy.reader_path = reader;
	copy.hot = hot;
	status = device_find(copy.store, id, &device, why);
	while (status == BL_OK &&
	       retention_part_due(copy.store, policy, &device, &copy.now, &index)) {
		uint64_t files;
		uint32_t number;

		status = retention_entry_shred(&copy, id, index, &files, &number, why);
	}
	return status;
}

static void entry_killed_at_any_step_is_carried_out_once(void **state)
{
	struct fixture *fixture = *state;
	char image[128], reader[PATH_MAX];

	READY(fixture);
	if (!find_reader(reader, sizeof(reader)))
		skip();
	for (unsigned at = STEP_INTENT + 1; at < STEP_COUNT; at++) {
		enum retention_step step = (enum retention_step)at;
		struct bl_error why = {.text = ""};
		char id[16];

		if (!machine_has(SHRED_PART, step))
			continue;
		print_message("killed before %s\n", retention_step_name(step));
		snprintf(id, sizeof(id), "RMA-%u", at);
		assert_true(fixture_open_store(fixture));
		add_filesystem(fixture, id, image);
		fixture_close_store(fixture);
		assert_true(destroy_and_die(fixture, id, shred_entries, NOT_DUE, step));
		assert_true(fixture_open_store(fixture));
		assert_int_equal(recover(fixture, NOT_DUE), 1);

		struct retention_context context = context_of(fixture, NOT_DUE);

		if (shred_entries(&context, id, &why) != BL_OK)
			fail_msg("%s", why.text);
		assert_certified(fixture, id, "~part-1.json", AUDIT_PART_INTENT, AUDIT_PART_DONE,
				 "ERASED");
		assert_part_gone(fixture, id, image);
		assert_int_equal(count_events(fixture, id, AUDIT_PART_INTENT).found, 1);
		assert_int_equal(count_events(fixture, id, AUDIT_PART_DONE).found, 1);
		fixture_close_store(fixture);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(sealed_shred_killed_at_any_step_completes_by_itself),
		TEST(sealed_shred_whose_journal_is_lost_is_begun_again),
		TEST(sealed_shred_killed_before_its_intent_leaves_everything),
		TEST(source_shred_killed_at_any_step_completes_by_itself),
		TEST(source_of_an_unfinished_intake_stays),
		TEST(source_file_that_was_replaced_is_never_touched),
		TEST(symbolic_link_in_the_place_of_a_source_leads_nowhere),
		TEST(held_source_waits_until_its_holds_are_gone),
		TEST(source_that_cannot_be_destroyed_truthfully_is_not_promised),
		TEST(part_shred_killed_at_any_step_completes_by_itself),
		TEST(part_killed_before_its_intent_leaves_the_image_as_it_was),
		TEST(hold_in_the_last_moment_stops_a_part),
		TEST(parts_are_numbered_and_the_whole_can_still_be_destroyed),
		TEST(device_with_a_part_half_way_is_destroyed_whole),
		TEST(entry_killed_at_any_step_is_carried_out_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
