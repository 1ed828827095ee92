/* Names that only auditors read: in the frame of their event, under the key of their segment, and nowhere in the clear. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/audit/format.h"
#include "tests/unit/fs/audit/faulty.h"
#include "tests/unit/fs/audit/scratch.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#define AUDITORS 2
#define READ	 20000 /* names read back at most */

struct read_name {
	uint64_t sequence, segment;
	enum audit_name_kind kind;
	unsigned part;
	uint8_t token[AUDIT_TOKEN];
	size_t length;
	char text[64]; /* the beginning */
};

struct names {
	struct scratch *scratch;
	struct faulty faulty;
	struct audit *audit;
	uint8_t secrets[AUDITORS][AUDIT_KEY], publics[AUDITORS][AUDIT_KEY];
	uint8_t log_names_key[VAULT_KEY];

	/* Read back by the auditor `reader`. */
	unsigned reader;
	uint8_t log_id[AUDIT_LOG_ID], lk[AUDIT_KEY];
	uint64_t segment;
	struct read_name *read;
	unsigned count, segments;
	uint64_t last_event; /* sequence number */
};

static enum bl_status keep_kit(void *context, const struct audit_kit *kit, struct bl_error *why)
{
	struct names *names = context;

	return scratch_keep_kit(names->scratch, kit, why);
}

static enum bl_status open_log(struct names *names, size_t auditors)
{
	struct audit_config config = {
		.store_fd = names->scratch->store_fd,
		.vault = names->scratch->vault,
		.segment_bytes = SCRATCH_SEGMENT,
		.io = &names->faulty.io,
		.auditors = (const uint8_t(*)[AUDIT_KEY])names->publics,
		.auditor_count = auditors,
		.keep_kit = keep_kit,
		.context = names,
	};

	return audit_open(&config, &names->audit, NULL);
}

static int setup(void **state)
{
	struct names *names = calloc(1, sizeof(*names));
	void *scratch = NULL;

	if (!names || scratch_setup(&scratch) != 0)
		return -1;
	names->scratch = scratch;
	names->read = calloc(READ, sizeof(*names->read));
	faulty_init(&names->faulty);
	for (unsigned i = 0; i < AUDITORS; i++)
		auditor_new(names->secrets[i], names->publics[i]);
	randombytes_buf(names->log_names_key, VAULT_KEY);
	*state = names;
	return names->read ? 0 : -1;
}

static int teardown(void **state)
{
	struct names *names = *state;
	void *scratch = names->scratch;

	audit_close(names->audit);
	faulty_done(&names->faulty);
	scratch_teardown(&scratch);
	free(names->read);
	free(names);
	return 0;
}

static struct audit_name path_of(const struct names *names, const struct audit_event *event,
				 const char *text)
{
	return (struct audit_name){.kind = AUDIT_NAME_PATH,
				   .device = event->device,
				   .log_names_key = names->log_names_key,
				   .token = event->token,
				   .text = text,
				   .length = strlen(text)};
}

static struct audit_event event_of(unsigned number)
{
	struct audit_event event = scratch_event(number);

	event.verdict = AUDIT_PERMITTED;
	return event;
}

/* ---- reading back ---------------------------------------------------------------------------- */

static bool read_segment(void *context, const struct audit_segment *segment)
{
	struct names *names = context;

	names->segments++;
	names->segment = segment->number;
	return audit_segment_key(segment->slots, segment->auditor_count,
				 names->secrets[names->reader], names->lk) == BL_OK;
}

static bool read_event(void *context, const struct audit_record *record)
{
	struct names *names = context;

	names->last_event = record->sequence;
	return true;
}

static bool read_name(void *context, const struct audit_named *named)
{
	struct names *names = context;
	struct read_name *read = &names->read[names->count];
	uint8_t key[AUDIT_KEY];
	char text[AUDIT_RECORD_LIMIT];

	if (names->count == READ || named->segment != names->segment)
		fail_msg("a name of segment %lu", (unsigned long)named->segment);
	audit_name_key(names->log_names_key, names->log_id, names->lk, key);
	if (audit_name_open(named, names->log_id, key, text, &read->length) != BL_OK)
		fail_msg("name %lu cannot be opened", (unsigned long)named->sequence);
	read->sequence = named->sequence;
	read->segment = named->segment;
	read->kind = named->kind;
	read->part = named->part;
	memcpy(read->token, named->token, AUDIT_TOKEN);
	memcpy(read->text, text, BL_MIN(read->length, sizeof(read->text) - 1));
	names->count++;
	return true;
}

static void read_back(struct names *names, unsigned reader)
{
	struct audit_listener listener = {.record = read_event,
					  .named = read_name,
					  .segment = read_segment,
					  .context = names};
	struct bl_error why = {""};
	int fd = scratch_log_fd(names->scratch);

	memset(names->read, 0, READ * sizeof(*names->read));
	names->count = names->segments = 0;
	names->reader = reader;
	assert_int_equal(audit_log_id(fd, names->log_id, NULL), BL_OK);
	if (audit_scan_names(fd, 0, &listener, &why) != BL_OK)
		fail_msg("cannot be read: %s", why.text);
	close(fd);
}

static void close_and_verify(struct names *names)
{
	struct audit_report report;
	struct bl_error why = {""};

	audit_close(names->audit);
	names->audit = NULL;
	if (scratch_verify(names->scratch, &report, &why) != BL_OK)
		fail_msg("does not verify: %s %s", why.text, report.problem);
	assert_true(report.has_macs);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void each_auditor_reads_a_name_directly_before_its_event(void **state)
{
	struct names *names = *state;
	struct audit_event event = event_of(1);
	struct audit_name both[2] = {path_of(names, &event, "p1-ntfs/planted-name-7261.txt"),
				     {.kind = AUDIT_NAME_REASON,
				      .device = "",
				      .log_names_key = names->log_names_key,
				      .text = "planted-reason-7261",
				      .length = 19}};
	uint64_t sequence = 0;
	char command[200];

	assert_int_equal(open_log(names, AUDITORS), BL_OK);
	assert_int_equal(audit_append_named(names->audit, &event, both, 2, &sequence, NULL), BL_OK);
	assert_int_equal(sequence, 4); /* start, path, reason, event */
	close_and_verify(names);
	for (unsigned reader = 0; reader < AUDITORS; reader++) {
		read_back(names, reader);
		assert_int_equal(names->count, 2);
		assert_string_equal(names->read[0].text, "p1-ntfs/planted-name-7261.txt");
		assert_int_equal(names->read[0].kind, AUDIT_NAME_PATH);
		assert_int_equal(names->read[0].sequence, 2);
		assert_memory_equal(names->read[0].token, event.token, AUDIT_TOKEN);
		assert_string_equal(names->read[1].text, "planted-reason-7261");
		assert_int_equal(names->read[1].kind, AUDIT_NAME_REASON);
		assert_int_equal(names->read[1].sequence, 3);
	}
	snprintf(command, sizeof(command), "grep -raq 'planted-' '%s'", names->scratch->path);
	assert_int_not_equal(system(command), 0);
}

static void without_auditors_there_are_no_names(void **state)
{
	struct names *names = *state;
	struct audit_event event = event_of(1);
	struct audit_name name = path_of(names, &event, "p1-ntfs/planted");
	struct audit_report report;
	uint64_t sequence = 0;

	assert_int_equal(open_log(names, 0), BL_OK);
	assert_int_equal(audit_naming(names->audit), 0);
	assert_int_equal(audit_append_named(names->audit, &event, &name, 1, &sequence, NULL),
			 BL_OK);
	assert_int_equal(sequence, 2);
	close_and_verify(names);
	assert_int_equal(scratch_verify(names->scratch, &report, NULL), BL_OK);
	assert_int_equal(report.names, 0);
}

static void a_long_name_comes_in_parts_and_one_too_long_is_cut(void **state)
{
	static const struct {
		size_t length, kept;
		unsigned parts;
	} ROWS[] = {{1, 1, 1},	     {62, 62, 1},     {3966, 3966, 1},
		    {3967, 3967, 2}, {8192, 8192, 3}, {9000, 8192, 3}};
	struct names *names = *state;
	char text[9000];

	memset(text, 'n', sizeof(text));
	assert_int_equal(open_log(names, 1), BL_OK);
	for (unsigned i = 0; i < BL_COUNT(ROWS); i++) {
		struct audit_event event = event_of(i);
		struct audit_name name = path_of(names, &event, "");

		name.text = text;
		name.length = ROWS[i].length;
		assert_int_equal(audit_append_named(names->audit, &event, &name, 1, NULL, NULL),
				 BL_OK);
	}
	close_and_verify(names);
	read_back(names, 0);

	unsigned at = 0;

	for (unsigned i = 0; i < BL_COUNT(ROWS); i++) {
		size_t length = 0;

		for (unsigned part = 0; part < ROWS[i].parts; part++, at++) {
			if (names->read[at].part != part)
				fail_msg("row %u: part %u", i, names->read[at].part);
			length += names->read[at].length;
		}
		if (length != ROWS[i].kept)
			fail_msg("row %u: %zu bytes", i, length);
	}
	assert_int_equal(names->count, at);
}

#define THREADS	   8
#define PER_THREAD 200

struct namer {
	struct names *names;
	unsigned index;
	pthread_t thread;
	uint64_t namings[PER_THREAD];
};

struct waiting {
	struct audit_ticket ticket; /* first */
	sem_t told;
};

static void told(struct audit_ticket *ticket, enum bl_status status)
{
	assert_int_equal(status, BL_OK);
	sem_post(&((struct waiting *)ticket)->told);
}

static void *name_run(void *context)
{
	struct namer *namer = context;

	for (unsigned i = 0; i < PER_THREAD; i++) {
		unsigned number = namer->index * PER_THREAD + i;
		struct audit_event event = event_of(number);
		struct waiting waiting = {.ticket.done = told};
		char text[64];

		snprintf(text, sizeof(text), "p1-ntfs/file-%u", number);

		struct audit_name name = path_of(namer->names, &event, text);

		sem_init(&waiting.told, 0, 0);
		namer->namings[i] =
			audit_submit_named(namer->names->audit, &event, &name, 1, &waiting.ticket);
		sem_wait(&waiting.told);
		sem_destroy(&waiting.told);
	}
	return NULL;
}

/* Also of those that were sealed while the segment changed under them. */
static void every_name_is_sealed_for_the_segment_it_lies_in(void **state)
{
	struct names *names = *state;
	struct namer *namers = calloc(THREADS, sizeof(*namers));
	bool is_there[THREADS * PER_THREAD] = {false};

	assert_int_equal(open_log(names, AUDITORS), BL_OK);
	assert_int_equal(audit_naming(names->audit), 1);
	for (unsigned i = 0; i < THREADS; i++) {
		namers[i].names = names;
		namers[i].index = i;
		assert_int_equal(pthread_create(&namers[i].thread, NULL, name_run, &namers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(namers[i].thread, NULL);
	assert_true(audit_naming(names->audit) > 2);
	close_and_verify(names);
	read_back(names, 1);
	assert_int_equal(names->count, THREADS * PER_THREAD);
	for (unsigned i = 0; i < names->count; i++) {
		unsigned number = bl_get32(names->read[i].token);
		char text[64];

		snprintf(text, sizeof(text), "p1-ntfs/file-%u", number);
		assert_string_equal(names->read[i].text, text);
		assert_int_equal(names->read[i].segment,
				 namers[number / PER_THREAD].namings[number % PER_THREAD]);
		assert_false(is_there[number]);
		is_there[number] = true;
	}
	assert_true(names->segments > 2);
	free(namers);
}

/* A number once told never comes back, though the segment it named may be replaced by one of its number. */
static void naming_moves_on_whenever_the_log_is_taken_up_again(void **state)
{
	static const char *const FAILING[] = {"/seg.", "/spare"};
	struct names *names = *state;
	struct audit_event event = event_of(1);
	struct audit_name name = path_of(names, &event, "p1-ntfs/again");
	struct audit_event asked = {.op = AUDIT_UNLATCHED, .login_uid = UINT32_MAX};
	uint64_t before = 0;

	assert_int_equal(open_log(names, 1), BL_OK);
	for (unsigned i = 0; i < 2 * BL_COUNT(FAILING); i++) {
		unsigned taken = 0;

		assert_true(audit_naming(names->audit) > before);
		event = event_of(i);
		faulty_set(&names->faulty, FAULTY_SYNC, FAILING[i % 2], 1 + (int)(i / 2));
		while (audit_append_named(names->audit, &event, &name, 1, NULL, NULL) == BL_OK)
			taken++;
		before = audit_naming(names->audit);
		event.op = AUDIT_VIEW_REVOKED; /* waits until the log is latched, or is refused */
		(void)!audit_append_named(names->audit, &event, &name, 1, NULL, NULL);
		faulty_set(&names->faulty, 0, NULL, 0);
		before = BL_MAX(before, audit_naming(names->audit));
		assert_int_equal(audit_unlatch(names->audit, &asked, NULL), BL_OK);
		if (audit_naming(names->audit) <= before)
			fail_msg("row %u: naming stays %lu", i, (unsigned long)before);
		before = audit_naming(names->audit) - 1;
		assert_int_equal(audit_append_named(names->audit, &event, &name, 1, NULL, NULL),
				 BL_OK);
	}
	close_and_verify(names);
	read_back(names, 0);
	for (unsigned i = 0; i < names->count; i++)
		assert_string_equal(names->read[i].text, "p1-ntfs/again");
}

static void a_name_that_is_refused_is_in_no_segment(void **state)
{
	struct names *names = *state;
	struct audit_event event = event_of(1);
	struct audit_name name = path_of(names, &event, "p1-ntfs/refused");
	struct audit_report report;

	assert_int_equal(open_log(names, 1), BL_OK);
	faulty_set(&names->faulty, FAULTY_WRITE, "/seg.", 1);
	assert_int_equal(audit_append_named(names->audit, &event, &name, 1, NULL, NULL),
			 BL_LOG_BROKEN);
	assert_int_equal(audit_append_named(names->audit, &event, &name, 1, NULL, NULL),
			 BL_LOG_BROKEN);
	close_and_verify(names);
	assert_int_equal(scratch_verify(names->scratch, &report, NULL), BL_OK);
	assert_int_equal(report.names, 0);
}

static void a_denial_in_a_storm_still_brings_its_name_into_a_new_segment(void **state)
{
	struct names *names = *state;
	struct audit_event denied = event_of(1);
	struct audit_name name = path_of(names, &denied, "p1-ntfs/denied");
	struct waiting waits[100] = {0}, again = {.ticket.done = told};

	denied.verdict = AUDIT_DENIED;
	denied.view = 1;
	assert_int_equal(open_log(names, 1), BL_OK);
	for (unsigned i = 0; i < BL_COUNT(waits); i++) {
		waits[i].ticket.done = told;
		sem_init(&waits[i].told, 0, 0);
		audit_submit(names->audit, &denied, &waits[i].ticket);
	}
	sem_init(&again.told, 0, 0);

	uint64_t naming = audit_submit_named(names->audit, &denied, &name, 1, &again.ticket);

	for (unsigned i = 0; i < BL_COUNT(waits); i++)
		sem_wait(&waits[i].told);
	sem_wait(&again.told);
	assert_int_equal(naming, 1);
	close_and_verify(names);
	read_back(names, 0);
	assert_int_equal(names->count, 1);
	assert_string_equal(names->read[0].text, "p1-ntfs/denied");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_auditor_reads_a_name_directly_before_its_event),
		TEST(without_auditors_there_are_no_names),
		TEST(a_long_name_comes_in_parts_and_one_too_long_is_cut),
		TEST(every_name_is_sealed_for_the_segment_it_lies_in),
		TEST(naming_moves_on_whenever_the_log_is_taken_up_again),
		TEST(a_name_that_is_refused_is_in_no_segment),
		TEST(a_denial_in_a_storm_still_brings_its_name_into_a_new_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
