/* The last steps of a destruction, killed before each thing they make durable: one DONE, one end, and what the customer asked for ended once. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "fs/device/matters.h"
#include "tests/unit/fs/retention/fixture.h"

#define LATER (NOW + 40 * INT64_C(86400)) /* another month */
#define ASKED 1001

/* ---- dying at the n-th thing that is made durable ------------------------------------------------------ */

static atomic_bool is_armed;
static atomic_long calls_left;

static void perhaps_die(void)
{
	if (is_armed && calls_left-- == 0)
		kill(getpid(), SIGKILL);
}

int fsync(int fd)
{
	perhaps_die();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	perhaps_die();
	return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int old_fd, const char *old, int new_fd, const char *new)
{
	perhaps_die();
	return (int)syscall(SYS_renameat, old_fd, old, new_fd, new);
}

int unlinkat(int fd, const char *name, int flags)
{
	perhaps_die();
	return (int)syscall(SYS_unlinkat, fd, name, flags);
}

#define AT_ONCE (-1)

/* What a child does, and where it is killed. */
struct trial {
	int64_t now_unix;
	enum retention_step step; /* from here on calls are counted */
	long calls;		  /* that it lives through; AT_ONCE: it dies before that step */
	bool is_recovery;	  /* it goes on with what another left */
};

static void arm(void *context, const char *device, enum retention_step step)
{
	const struct trial *trial = context;

	(void)device;
	if (step != trial->step)
		return;
	if (trial->calls == AT_ONCE)
		kill(getpid(), SIGKILL);
	is_armed = true;
}

static enum bl_status destroy(const struct retention_context *context, const char *id,
			      const struct trial *trial)
{
	size_t finished;

	return trial->is_recovery ? retention_recover(context, &finished, NULL)
				  : retention_shred(context, id, NULL);
}

/* False: it came to its end. */
static bool try_and_die(struct fixture *fixture, const char *id, struct trial trial)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const struct rlimit no_core = {0};

		setrlimit(RLIMIT_CORE, &no_core);
		if (!fixture_open_store(fixture))
			_exit(2);

		struct retention_context context = context_of(fixture, trial.now_unix);

		context.by = ASKED;
		context.on_step = arm;
		context.step_context = &trial;
		calls_left = trial.calls;
		_exit(destroy(&context, id, &trial) == BL_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* ---- how it must have ended ------------------------------------------------------------------------------ */

static void digest_of_certificate(struct fixture *fixture, const char *id, uint8_t out[DIGEST])
{
	char *json = NULL;
	size_t length;

	assert_int_equal(device_certificate_read(fixture->store, id, ".json", &json, &length, NULL),
			 BL_OK);
	crypto_generichash(out, DIGEST, (const uint8_t *)json, length, NULL, 0);
	free(json);
}

static void assert_request_ended(struct fixture *fixture, const char *id, int64_t at_unix,
				 const uint8_t digest[DIGEST])
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;

	assert_int_equal(device_matters_read(fixture->store, id, &matters, NULL), BL_OK);
	assert_int_equal(matters->request_count, 1);
	assert_int_equal(matters->requests[0].state, CUSTOMER_DONE);
	assert_int_equal(matters->requests[0].ended_by, UINT32_MAX);
	assert_int_equal(matters->requests[0].ended_unix, at_unix);
	assert_memory_equal(matters->requests[0].proof, digest, DIGEST);
}

/* @was_told: DONE was in the log before anybody went on with it. Then it ended that month, else in the one in which it was told. */
static void assert_ended_once(struct fixture *fixture, const char *id, bool was_told)
{
	int64_t from = was_told ? NOW : LATER;
	uint8_t digest[DIGEST];
	struct device device;

	digest_of_certificate(fixture, id, digest);
	assert_int_equal(count_events(fixture, id, AUDIT_SHRED_INTENT).found, 1);
	assert_int_equal(count_events(fixture, id, AUDIT_SHRED_DONE).found, 1);
	assert_int_equal(device_find(fixture->store, id, &device, NULL), BL_OK);
	assert_int_equal(device.state, STATE_SHREDDED);
	assert_int_equal(device.end.by, ASKED);
	assert_in_range(device.end.at_unix, from, from + 3600);
	assert_memory_equal(device.end.certificate, digest, DIGEST);
	assert_request_ended(fixture, id, device.end.at_unix, digest);
	assert_false(journal_is_there(fixture->store, id, SHRED_SEALED));
}

static void add_asked_for(struct fixture *fixture, const char *id)
{
	const struct device_customer_request request = {.kind = CUSTOMER_ERASE,
							.since_unix = RECEIVED,
							.deadline_unix = RECEIVED + 86400,
							.by = ASKED,
							.ticket = "T-1"};
	uint32_t number;

	assert_true(add_sealed(fixture, id, 1, 1 << 20, true));
	assert_int_equal(device_customer_request_add(fixture->store, id, &request, &number, NULL),
			 BL_OK);
}

static size_t recover(struct fixture *fixture, int64_t now_unix)
{
	const struct retention_context context = context_of(fixture, now_unix);
	struct bl_error why = {.text = ""};
	size_t finished = 0;

	if (retention_recover(&context, &finished, &why) != BL_OK)
		fail_msg("recover: %s", why.text);
	return finished;
}

static void last_steps_killed_anywhere_end_once(void **state)
{
	struct fixture *fixture = *state;
	size_t before = 0, behind = 0; /* DONE */
	bool has_died = true;

	for (long at = 0; has_died; at++) {
		char id[32];

		snprintf(id, sizeof(id), "RMA-%ld", at);
		assert_true(fixture_open_store(fixture));
		add_asked_for(fixture, id);
		fixture_close_store(fixture);
		has_died = try_and_die(
			fixture, id,
			(struct trial){.now_unix = NOW, .step = STEP_CERTIFICATE, .calls = at});
		assert_true(fixture_open_store(fixture));

		bool was_told = count_events(fixture, id, AUDIT_SHRED_DONE).found == 1;

		print_message("killed before call %ld, DONE was %s\n", at,
			      was_told ? "there" : "not there");
		before += has_died && !was_told;
		behind += has_died && was_told;
		(void)recover(fixture, LATER);
		assert_ended_once(fixture, id, was_told);
		assert_int_equal(recover(fixture, LATER), 0);
		fixture_close_store(fixture);
	}
	/* Record, request, record, journal: each has its calls. */
	assert_true(before >= 1 && behind >= 10);
}

/* The certificate is of one month, DONE of the next; who goes on in a third one changes nothing that was written down. */
static void end_that_was_written_down_stands(void **state)
{
	const struct trial first = {.now_unix = NOW, .step = STEP_DONE, .calls = AT_ONCE};
	struct trial second = {.now_unix = LATER, .step = STEP_DONE, .is_recovery = true};
	struct fixture *fixture = *state;
	size_t written = 0;

	for (bool has_died = true; has_died; second.calls++) {
		struct device before, after;
		char id[32];

		snprintf(id, sizeof(id), "RMA-%ld", second.calls);
		assert_true(fixture_open_store(fixture));
		add_asked_for(fixture, id);
		fixture_close_store(fixture);
		assert_true(try_and_die(fixture, id, first));
		has_died = try_and_die(fixture, id, second);
		assert_true(fixture_open_store(fixture));
		assert_int_equal(device_find(fixture->store, id, &before, NULL), BL_OK);
		(void)recover(fixture, LATER + 40 * INT64_C(86400));
		assert_int_equal(device_find(fixture->store, id, &after, NULL), BL_OK);
		assert_int_equal(after.state, STATE_SHREDDED);
		if (before.end.at_unix) {
			assert_true(before.end.at_unix >= LATER);
			assert_memory_equal(&after.end, &before.end, sizeof(after.end));
			assert_request_ended(fixture, id, before.end.at_unix,
					     before.end.certificate);
		}
		written += has_died && before.end.at_unix;
		fixture_close_store(fixture);
	}
	assert_true(written >= 5);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return fixture && fixture_init(fixture) ? 0 : -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(last_steps_killed_anywhere_end_once),
		TEST(end_that_was_written_down_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
