/* A shred killed at every step, and in the middle of the overwrite, completes by itself. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "tests/unit/fs/retention/fixture.h"

#define READY(fixture)                                                                             \
	do {                                                                                       \
		if (!(fixture)->has_mount)                                                         \
			skip();                                                                    \
	} while (0)

/* The parent holds no store while a child shreds: the lock is the daemon's. */
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

struct plan {
	enum retention_step die_at;
	bool is_half_way; /* not at the step, but in the middle of the overwrite */
};

static void die(void *context, const char *device, enum retention_step step)
{
	const struct plan *plan = context;

	(void)device;
	if (plan->is_half_way && step == STEP_OVERWRITE) {
		/* The first write beyond half of the image is met by SIGXFSZ. */
		const struct rlimit half = {.rlim_cur = IMAGE_SIZE / 2, .rlim_max = IMAGE_SIZE / 2};

		setrlimit(RLIMIT_FSIZE, &half);
	} else if (!plan->is_half_way && step == plan->die_at) {
		kill(getpid(), SIGKILL);
	}
}

/* Shreds in a child that dies; false when it did not. */
static bool shred_and_die(struct fixture *fixture, const char *id, const struct plan *plan)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct plan copy = *plan;
		const struct rlimit no_core = {0};

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGXFSZ, SIG_DFL);
		if (!fixture_open_store(fixture))
			_exit(2);

		struct retention_context context = context_of(fixture, NOW);

		context.on_step = die;
		context.step_context = &copy;
		_exit(retention_shred(&context, id, NULL) == BL_OK ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == (plan->is_half_way ? SIGXFSZ : SIGKILL);
}

static void enrol(struct fixture *fixture, const char *id)
{
	assert_true(fixture_open_store(fixture));
	assert_true(add_device(fixture, id, true));
	fixture_close_store(fixture);
}

static size_t recover(struct fixture *fixture)
{
	struct retention_context context = context_of(fixture, NOW);
	struct bl_error why = {.text = ""};
	size_t finished = 0;

	if (retention_recover(&context, &finished, &why) != BL_OK)
		fail_msg("recover: %s", why.text);
	return finished;
}

static void set_step(struct fixture *fixture, const char *id, enum retention_step from,
		     enum retention_step to)
{
	struct journal journal;

	assert_int_equal(journal_load(fixture->store, id, SHRED_PLAIN, &journal, NULL), BL_OK);
	assert_int_equal(journal.step, from);
	journal.step = to;
	assert_int_equal(journal_save(fixture->store, id, &journal, NULL), BL_OK);
	journal_done(&journal);
}

/* As if the journal of one device were another's that never began. */
static void copy_journal(struct fixture *fixture, const char *from, const char *to)
{
	struct journal journal;

	assert_int_equal(journal_load(fixture->store, from, SHRED_PLAIN, &journal, NULL), BL_OK);
	snprintf(journal.files[0].path, sizeof(journal.files[0].path), "%s/mnt/%s.img",
		 fixture->root, to);
	assert_int_equal(journal_save(fixture->store, to, &journal, NULL), BL_OK);
	journal_done(&journal);
}

/* One INTENT, one DONE that names the certificate, a certificate that verifies, nothing left of the image. */
static void assert_destroyed(struct fixture *fixture, const char *id, const char *certified)
{
	struct count done = count_events(fixture, id, AUDIT_SHRED_DONE);
	struct device device;
	char *json = NULL, *text = NULL, wanted[64];
	size_t length;

	assert_int_equal(count_events(fixture, id, AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(done.found, 1);
	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(device_certificate_read(fixture->store, id, ".json", &json, &length, NULL),
			 BL_OK);
	assert_int_equal(retention_certificate_verify(
				 json, length, vault_public_key(device_store_vault(fixture->store)),
				 RETENTION_TEXT, &text, NULL),
			 BL_OK);
	snprintf(wanted, sizeof(wanted), "\"status\":\"%s\"", certified);
	if (!strstr(json, wanted) || strncmp(done.detail, certified, strlen(certified)) != 0)
		fail_msg("expected %s, got %s", certified, done.detail);
	free(json);
	free(text);
}

static void assert_image_gone(struct fixture *fixture, const char *id)
{
	char name[64];

	snprintf(name, sizeof(name), "mnt/%s.img", id);
	assert_int_equal(access(path_of(fixture, name), F_OK), -1);
	assert_int_equal(count_planted(fixture), 0);
}

static void shred_killed_at_any_step_completes_by_itself(void **state)
{
	struct fixture *fixture = *state;

	READY(fixture);
	for (unsigned step = STEP_OVERWRITE; step < STEP_COUNT; step++) {
		if (!machine_has(SHRED_PLAIN, (enum retention_step)step))
			continue;

		const struct plan plan = {.die_at = (enum retention_step)step};
		char id[16];

		print_message("killed before %s\n", retention_step_name(plan.die_at));
		snprintf(id, sizeof(id), "RMA-%u", step);
		enrol(fixture, id);
		assert_true(shred_and_die(fixture, id, &plan));
		assert_true(fixture_open_store(fixture));
		assert_int_equal(recover(fixture), 1);
		assert_destroyed(fixture, id, "ERASED");
		assert_image_gone(fixture, id);
		assert_int_equal(recover(fixture), 0);
		fixture_close_store(fixture);
	}
}

static void shred_killed_in_the_middle_of_the_overwrite_completes_by_itself(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.is_half_way = true};

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "ERASED");
	assert_image_gone(fixture, "RMA-1");
}

static void shred_killed_before_its_intent_leaves_the_device_untouched(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.die_at = STEP_INTENT};
	struct stat st;

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture), 0);
	assert_int_equal(stat(path_of(fixture, "mnt/RMA-1.img"), &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE);
	assert_true(count_planted(fixture) > 0);
	assert_int_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_INTENT).found, 0);
}

/* Killed between the journal and the event, or between the event and the journal: the log decides. */
static void journal_at_intent_follows_the_log(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.die_at = STEP_OVERWRITE};
	uint8_t *bytes = NULL;
	size_t length;
	struct stat st;
	uint32_t hold;

	READY(fixture);
	enrol(fixture, "RMA-1");
	enrol(fixture, "RMA-2");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_true(fixture_open_store(fixture));
	set_step(fixture, "RMA-1", STEP_OVERWRITE, STEP_INTENT);
	copy_journal(fixture, "RMA-1", "RMA-2");
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "ERASED");
	assert_int_equal(device_file_read(fixture->store, "RMA-2", "shred", &bytes, &length, NULL),
			 BL_NOT_FOUND);
	assert_int_equal(stat(path_of(fixture, "mnt/RMA-2.img"), &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE);
	assert_int_equal(
		device_hold_add(fixture->store, "RMA-2", 0, 0, "still possible", NOW, &hold, NULL),
		BL_OK);
}

static void begun_shred_takes_no_hold_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.die_at = STEP_OVERWRITE};
	uint32_t hold;

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(
		device_hold_add(fixture->store, "RMA-1", 0, 0, "too late", NOW, &hold, NULL),
		BL_INVALID);
}

/* Killed after the unlink, before the journal says so; killed after DONE, before the journal is gone. */
static void steps_done_twice_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.die_at = STEP_DONE};
	uint8_t *bytes = NULL;
	size_t length;

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_true(fixture_open_store(fixture));
	set_step(fixture, "RMA-1", STEP_DONE, STEP_UNLINK);
	assert_int_equal(device_file_read(fixture->store, "RMA-1", "shred", &bytes, &length, NULL),
			 BL_OK);
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "ERASED");

	struct count before = count_events(fixture, "RMA-1", AUDIT_SHRED_DONE);

	assert_int_equal(device_file_write(fixture->store, "RMA-1", "shred", bytes, length, NULL),
			 BL_OK);
	free(bytes);
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "ERASED");
	assert_string_equal(count_events(fixture, "RMA-1", AUDIT_SHRED_DONE).detail, before.detail);
}

static void recovery_never_touches_another_file_of_that_name(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.is_half_way = true};
	char image[128], aside[128];
	struct stat st;

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	snprintf(image, sizeof(image), "%s/mnt/RMA-1.img", fixture->root);
	snprintf(aside, sizeof(aside), "%s/mnt/aside", fixture->root);
	assert_int_equal(rename(image, aside), 0);
	assert_true(write_image(image, IMAGE_SIZE));
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "NOT_ERASED");
	assert_int_equal(stat(image, &st), 0);
	assert_int_equal(st.st_size, IMAGE_SIZE);
	assert_true(count_planted(fixture) > 0);
}

/* Overwritten and synced, then taken away by somebody: the raw device still proves it. */
static void image_removed_before_the_read_back_is_verified_on_the_raw_device(void **state)
{
	struct fixture *fixture = *state;
	const struct plan plan = {.die_at = STEP_VERIFY};

	READY(fixture);
	enrol(fixture, "RMA-1");
	assert_true(shred_and_die(fixture, "RMA-1", &plan));
	assert_int_equal(unlink(path_of(fixture, "mnt/RMA-1.img")), 0);
	assert_true(fixture_open_store(fixture));
	assert_int_equal(recover(fixture), 1);
	assert_destroyed(fixture, "RMA-1", "ERASED_WITH_EXCEPTIONS");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(shred_killed_at_any_step_completes_by_itself),
		TEST(shred_killed_in_the_middle_of_the_overwrite_completes_by_itself),
		TEST(shred_killed_before_its_intent_leaves_the_device_untouched),
		TEST(journal_at_intent_follows_the_log),
		TEST(begun_shred_takes_no_hold_after_a_restart),
		TEST(steps_done_twice_change_nothing),
		TEST(recovery_never_touches_another_file_of_that_name),
		TEST(image_removed_before_the_read_back_is_verified_on_the_raw_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
