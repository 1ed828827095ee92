#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#define HOUR	   3600
#define UID_INSIDE 1000u /* as the session's own processes are seen */

static const char READS[] =
	"  - id: owner-reads\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners look in sessions.\n";
static const char READS_NO_MAIL[] =
	"  - id: owner-reads\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners look in sessions.\n"
	"  - id: mail-stays-closed\n    withhold: [text]\n    who: everyone\n"
	"    what: {paths: ['**/mail.txt']}\n    why: Letters are for nobody here.\n";
static const char READS_LIMITED[] =
	"  - id: owner-reads\n    permit: [list, stat, read]\n    who: [owner]\n    limits: {%s}\n"
	"    why: Owners look in sessions, but not at everything.\n";
static const char READS_AND_UNMASKS[] =
	"  - id: owner-reads\n    permit: [list, stat, read, unmask]\n    who: [owner]\n"
	"    what: {contains: [email]}\n    why: Owners may see addresses.\n"
	"  - id: owner-looks\n    permit: [list, stat, read]\n    who: [owner]\n"
	"    why: Owners look in sessions.\n";
static const char COPIES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n";
static const char LISTS[] = "  - id: owner-lists\n    permit: [list, stat]\n    who: [owner]\n"
			    "    why: Owners only look at names.\n";

static void enroll_second(struct fixture *fixture)
{
	static const char RECORD[] =
		"received: 2026-09-01\nmaker: Acme\nmodel: Two\nserial: A2\n"
		"customer:\n  name: Ottoline Quessenberry\n  email: o@example.org\n";
	struct device_record record;
	struct device *device = calloc(1, sizeof(*device));

	assert_non_null(device);
	assert_int_equal(device_record_parse(RECORD, sizeof(RECORD) - 1, &record, NULL), BL_OK);
	strcpy(device->id, "RMA-2");
	device->kind = DEVICE_LAPTOP;
	device->enrolled_unix = NOW;
	strcpy(device->source, fixture->source);
	assert_int_equal(device_enroll(fixture->store, device, &record, NULL), BL_OK);
	device_record_done(&record);
	free(device);
}

/* Two devices; everything of both is the owner's to read. */
static int with_devices(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_text(fixture, "open/other.txt", "nothing either\n");
	fixture_text(fixture, "open/mail.txt", "write to kim.lee@example.org or call\n");
	enroll_second(fixture);
	fixture_end(fixture, READS);
	return 0;
}

static void limited_by(struct fixture *fixture, int serial, const char *limits)
{
	char rules[1024];

	snprintf(rules, sizeof(rules), READS_LIMITED, limits);
	fixture_policy(fixture, serial, rules);
}

static enum bl_status try_session(struct fixture *fixture, uid_t uid, const char *device,
				  const char *reason, struct gate_view **out_view,
				  struct bl_error *why)
{
	struct gate_view_request request = {.uid = uid,
					    .gid = uid + 1,
					    .login_uid = UINT32_MAX,
					    .pid = 4711,
					    .reason = reason,
					    .session_device = device,
					    .inside_uid = UID_INSIDE};

	*out_view = NULL;
	why->text[0] = 0;
	return gate_view_open(fixture->gate, &request, out_view, why);
}

static struct gate_view *session_for(struct fixture *fixture, const char *device)
{
	struct gate_view *view;
	struct bl_error why;

	if (try_session(fixture, UID_OWNER, device, NULL, &view, &why) != BL_OK)
		fail_msg("%s", why.text);
	return view;
}

static struct gate_view *session(struct fixture *fixture)
{
	return session_for(fixture, "RMA-1");
}

/* ---- requests from inside ------------------------------------------------------------------------------ */

static const struct gate_caller INSIDE = {UID_INSIDE, UID_INSIDE, 5};

static int lookup_by(struct gate_view *view, const struct gate_caller *caller, uint64_t parent,
		     const char *name, struct gate_attr *out_attr)
{
	struct waited waited;

	waited_begin(&waited);
	gate_lookup(view, caller, parent, name, &waited.reply);
	int error = waited_end(&waited);

	*out_attr = waited.reply.attr;
	return error;
}

static uint64_t find(struct gate_view *view, const char *path)
{
	char copy[128], *rest = copy, *name;
	struct gate_attr attr = {.node = GATE_ROOT};

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/"))) {
		int error = lookup_by(view, &INSIDE, attr.node, name, &attr);

		if (error)
			fail_msg("%s: %s", path, strerror(error));
	}
	return attr.node;
}

static int open_at(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   uint64_t *out_handle)
{
	struct waited waited;

	waited_begin(&waited);
	gate_open(view, caller, node, O_RDONLY, &waited.reply);
	int error = waited_end(&waited);

	*out_handle = waited.reply.handle;
	return error;
}

static int open_path(struct gate_view *view, const char *path, uint64_t *out_handle)
{
	return open_at(view, &INSIDE, find(view, path), out_handle);
}

static int read_by(struct gate_view *view, const struct gate_caller *caller, uint64_t handle,
		   char *out, size_t size)
{
	static uint8_t buffer[65536];
	struct waited waited;

	waited_begin(&waited);
	gate_read(view, caller, handle, 0, size - 1, buffer, size - 1, &waited.reply);
	int error = waited_end(&waited);

	if (!error)
		memcpy(out, waited.reply.bytes, waited.reply.length);
	out[error ? 0 : waited.reply.length] = 0;
	return error;
}

/* What a file says inside; it opens. */
static void text_of(struct gate_view *view, const char *path, char *out, size_t size)
{
	uint64_t handle;

	assert_int_equal(open_path(view, path, &handle), 0);
	assert_int_equal(read_by(view, &INSIDE, handle, out, size), 0);
	gate_release(view, handle);
}

static int getattr_by(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		      struct gate_attr *out_attr)
{
	struct waited waited;

	waited_begin(&waited);
	gate_getattr(view, caller, node, &waited.reply);
	int error = waited_end(&waited);

	*out_attr = waited.reply.attr;
	return error;
}

static int list_by(struct gate_view *view, const struct gate_caller *caller, uint64_t node,
		   struct listed *out)
{
	struct waited dir, read;

	memset(out, 0, sizeof(*out));
	waited_begin(&dir);
	gate_opendir(view, caller, node, &dir.reply);
	int error = waited_end(&dir);

	if (error)
		return error;
	waited_begin(&read);
	gate_readdir(view, caller, dir.reply.handle, 0, listed_add, out, &read.reply);
	error = waited_end(&read);
	gate_release(view, dir.reply.handle);
	return error;
}

/* ---- the log -------------------------------------------------------------------------------------------- */

/* The last event of a kind. */
struct last {
	enum audit_op op;
	struct audit_event event;
	uint64_t sequence;
	size_t count;
};

static bool find_last(void *context, const struct audit_record *record)
{
	struct last *last = context;

	if (record->event.op == last->op) {
		last->event = record->event;
		last->sequence = record->sequence;
		last->count++;
	}
	return true;
}

static struct last last_of(struct fixture *fixture, enum audit_op op)
{
	struct last last = {.op = op};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(audit_scan(fd, find_last, &last, NULL), BL_OK);
	close(fd);
	return last;
}

/* Events that nobody waits for are in the log after this. */
static void settle(struct fixture *fixture)
{
	const struct audit_event event = {.op = AUDIT_HEARTBEAT, .login_uid = UINT32_MAX};

	assert_int_equal(audit_append(fixture->audit, &event, NULL, NULL), BL_OK);
}

/* ---- who gets one ---------------------------------------------------------------------------------------- */

static void the_number_of_a_session_is_that_of_its_first_event(void **state)
{
	static const char *const REASONS[] = {NULL, "RMA 1 does not boot"};
	struct fixture *fixture = *state;
	struct gate_view *view;
	struct bl_error why;

	for (size_t i = 0; i < BL_COUNT(REASONS); i++) {
		assert_int_equal(try_session(fixture, UID_OWNER, "RMA-1", REASONS[i], &view, &why),
				 BL_OK);
		struct last opened = last_of(fixture, AUDIT_VIEW_OPENED);

		assert_int_equal(gate_view_session(view), opened.sequence);
		assert_true(opened.sequence > 0);
		assert_int_equal(opened.event.session, 0);
		assert_int_equal(opened.event.uid, UID_OWNER);
		assert_string_equal(opened.event.device, "RMA-1");
		assert_non_null(strstr(opened.event.detail, ", sealed"));
		gate_view_close(view);
		settle(fixture);
		assert_int_equal(last_of(fixture, AUDIT_VIEW_CLOSED).event.session,
				 opened.sequence);
	}
	view = fixture_view(fixture, UID_OWNER);
	assert_int_equal(gate_view_session(view), 0);
	gate_view_close(view);
	settle(fixture);
	assert_int_equal(last_of(fixture, AUDIT_VIEW_CLOSED).event.session, 0);
	assert_null(strstr(last_of(fixture, AUDIT_VIEW_OPENED).event.detail, "sealed"));
}

static void what_may_not_be_seen_is_not_there(void **state)
{
	static const char *const IDS[] = {
		"RMA-3", "", "RMA-1 and what is behind a name that is longer than any id", "RMA-1"};
	struct fixture *fixture = *state;
	struct gate_view *view;
	struct bl_error why, expected;
	char rule[BL_RULE_ID_SIZE];

	for (size_t i = 0; i < BL_COUNT(IDS); i++) {
		uid_t uid = i + 1 == BL_COUNT(IDS) ? UID_STRANGER : UID_OWNER;
		const struct gate_question question = {
			.uid = UID_OWNER, .action = ACTION_READ, .device = "RMA-9"};

		assert_int_equal(try_session(fixture, uid, IDS[i], NULL, &view, &why),
				 BL_NOT_FOUND);
		assert_null(view);
		/* In the words of gate_ask, which says so of a device that is not there. */
		assert_int_equal(gate_ask(fixture->gate, &question, rule, &expected), BL_NOT_FOUND);
		assert_string_equal(expected.text, "no device 'RMA-9'");
		snprintf(expected.text, sizeof(expected.text), "no device '%s'", IDS[i]);
		assert_string_equal(why.text, expected.text);
	}
	assert_int_equal(logged(fixture, AUDIT_VIEW_OPENED, AUDIT_DENIED, NULL), BL_COUNT(IDS));
}

static void who_may_only_list_gets_no_session(void **state)
{
	struct fixture *fixture = *state;
	const struct gate_question question = {
		.uid = UID_CLERK, .gid = UID_CLERK, .action = ACTION_READ, .device = "RMA-1"};
	char rule[BL_RULE_ID_SIZE];
	struct bl_error why, expected;
	struct gate_view *view;

	assert_int_equal(try_session(fixture, UID_CLERK, "RMA-1", NULL, &view, &why), BL_FORBIDDEN);
	assert_int_equal(gate_ask(fixture->gate, &question, rule, &expected), BL_FORBIDDEN);
	assert_string_equal(why.text, expected.text);
	struct last opened = last_of(fixture, AUDIT_VIEW_OPENED);

	assert_int_equal(opened.event.verdict, AUDIT_DENIED);
	assert_string_equal(opened.event.rule, rule);
	assert_string_equal(opened.event.device, "RMA-1");
	assert_int_equal(opened.event.error_number, EACCES);
}

static void a_read_that_others_approve_is_asked_for(void **state)
{
	static const char ASKS[] = "  - id: owner-lists\n    permit: [list, stat]\n    who: "
				   "[owner]\n    why: Names and no more.\n"
				   "  - id: owner-asks\n    permit: [read]\n    who: [owner]\n"
				   "    needs: {approvals: {count: 1, from: [lead], valid: 20d}}\n "
				   "   why: A lead has to agree.\n";
	struct fixture *fixture = *state;
	struct bl_error why;
	struct gate_view *view;

	fixture_policy(fixture, 2, ASKS);
	assert_int_equal(try_session(fixture, UID_OWNER, "RMA-1", NULL, &view, &why), BL_ASK);
	assert_non_null(strstr(why.text, "owner-asks"));
	assert_int_equal(logged(fixture, AUDIT_VIEW_OPENED, AUDIT_ASKED, "owner-asks"), 1);
}

/* As policies are: of some folders, kinds and sizes, and not of what a file must not hold. */
static void a_read_of_something_in_the_device_is_enough(void **state)
{
	static const char *const WHATS[] = {
		"what: {paths: ['/open/**']}",
		"what: {kinds: [text]}",
		"what: {max_size: 20M}",
		"what: {paths: ['/open/*.txt'], kinds: [text], max_size: 1M}",
	};
	struct fixture *fixture = *state;
	struct bl_error why;
	struct gate_view *view;
	char rules[1024], text[64];

	for (size_t i = 0; i < BL_COUNT(WHATS); i++) {
		snprintf(
			rules, sizeof(rules),
			"  - id: owner-lists\n    permit: [list, stat]\n    who: [owner]\n"
			"    why: Names and no more.\n"
			"  - id: owner-reads\n    permit: [read]\n    who: [owner]\n"
			"    %s\n    limits: {shown: 4096 per day}\n    why: Owners look at some.\n"
			"  - id: no-cards\n    forbid: [read]\n    who: [owner]\n"
			"    what: {contains: [card]}\n    why: Cards are nobody's business.\n",
			WHATS[i]);
		fixture_policy(fixture, (int)i + 2, rules);
		if (try_session(fixture, UID_OWNER, "RMA-1", NULL, &view, &why) != BL_OK)
			fail_msg("%s: %s", WHATS[i], why.text);
		text_of(view, "RMA-1/open/note.txt", text, sizeof(text));
		assert_string_equal(text, "nothing to see\n");
		assert_int_equal(gate_view_count_shown(view, 1024, 0, &why), BL_OK);
		assert_int_equal(gate_view_may_read(view, NULL),
				 i + 1 < BL_COUNT(WHATS) ? BL_OK : BL_FORBIDDEN);
		assert_int_equal(try_session(fixture, UID_CLERK, "RMA-1", NULL,
					     &(struct gate_view *){NULL}, &why),
				 BL_FORBIDDEN);
		gate_view_close(view);
	}
}

/* ---- who may ask ------------------------------------------------------------------------------------------ */

static void only_the_one_uid_inside_may_ask(void **state)
{
	static const struct gate_caller OUTSIDE[] = {
		{UID_INSIDE, UID_INSIDE, 0}, /* the same uid, but not in the pid namespace */
		{UID_OWNER, UID_OWNER, 5},   /* the person */
		{UID_OWNER, UID_OWNER, 0},	 {0, 0, 5}, {0, 0, 0}, {65534, 65534, 5},
		{UID_INSIDE + 1, UID_INSIDE, 5},
	};
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	uint64_t node = find(view, "RMA-1/open/note.txt"), handle, none;
	struct gate_attr attr;
	struct listed listed;
	char text[64];

	assert_int_equal(open_at(view, &INSIDE, node, &handle), 0);
	for (size_t i = 0; i < BL_COUNT(OUTSIDE); i++) {
		const struct gate_caller *caller = &OUTSIDE[i];

		if (lookup_by(view, caller, GATE_ROOT, "RMA-1", &attr) != EACCES ||
		    getattr_by(view, caller, GATE_ROOT, &attr) != EACCES ||
		    getattr_by(view, caller, node, &attr) != EACCES ||
		    open_at(view, caller, node, &none) != EACCES ||
		    read_by(view, caller, handle, text, sizeof(text)) != EACCES ||
		    list_by(view, caller, GATE_ROOT, &listed) != EACCES)
			fail_msg("row %zu was let in", i);
		struct last read = last_of(fixture, AUDIT_READ);

		assert_int_equal(read.event.verdict, AUDIT_DENIED);
		assert_string_equal(read.event.rule, "builtin/outside-session");
		assert_int_equal(read.event.uid, caller->uid);
		assert_int_equal(read.event.pid, caller->pid);
		assert_int_equal(read.event.session, gate_view_session(view));
	}
	assert_int_equal(read_by(view, &INSIDE, handle, text, sizeof(text)), 0);
	assert_string_equal(text, "nothing to see\n");
	gate_view_close(view);
}

static void refusals_without_end_end_a_session(void **state)
{
	static const struct gate_caller OUTSIDE = {UID_INSIDE, UID_INSIDE, 0};
	struct gate_view *view = session(*state);
	uint64_t handle;
	char text[8];

	assert_int_equal(open_path(view, "RMA-1/open/note.txt", &handle), 0);
	for (int i = 0; i < VIEW_REFUSALS_A_MINUTE; i++) {
		assert_false(gate_view_is_revoked(view));
		assert_int_equal(read_by(view, &OUTSIDE, handle, text, sizeof(text)), EACCES);
	}
	assert_true(gate_view_is_revoked(view));
	gate_view_close(view);
}

static void the_log_speaks_of_the_person(void **state)
{
	static const enum audit_op OPS[] = {AUDIT_LOOKUP, AUDIT_OPEN, AUDIT_READ, AUDIT_STAT,
					    AUDIT_LIST};
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	struct gate_attr attr;
	struct listed listed;
	char text[64];

	text_of(view, "RMA-1/open/note.txt", text, sizeof(text));
	assert_int_equal(getattr_by(view, &INSIDE, find(view, "RMA-1/open"), &attr), 0);
	assert_int_equal(list_by(view, &INSIDE, find(view, "RMA-1/open"), &listed), 0);
	for (size_t i = 0; i < BL_COUNT(OPS); i++) {
		struct last last = last_of(fixture, OPS[i]);

		if (!last.count || last.event.uid != UID_OWNER || last.event.gid != UID_OWNER + 1 ||
		    last.event.pid != INSIDE.pid || last.event.session != gate_view_session(view))
			fail_msg("%s: uid %u, session %llu", audit_op_name(OPS[i]), last.event.uid,
				 (unsigned long long)last.event.session);
	}
	gate_view_close(view);
}

static void everything_is_owned_by_whoever_is_inside(void **state)
{
	static const char *const PATHS[] = {"RMA-1", "RMA-1/open", "RMA-1/open/note.txt",
					    "READ ME.txt"};
	struct gate_view *view = session(*state);
	struct gate_attr attr;

	assert_int_equal(getattr_by(view, &INSIDE, GATE_ROOT, &attr), 0);
	assert_int_equal(attr.attr.uid, UID_INSIDE);
	assert_int_equal(attr.attr.gid, UID_INSIDE);
	for (size_t i = 0; i < BL_COUNT(PATHS); i++) {
		assert_int_equal(getattr_by(view, &INSIDE, find(view, PATHS[i]), &attr), 0);
		assert_int_equal(attr.attr.uid, UID_INSIDE);
		assert_int_equal(attr.attr.gid, UID_INSIDE);
	}
	gate_view_close(view);
}

/* ---- what is there ------------------------------------------------------------------------------------------ */

static void another_device_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *mount = fixture_view(fixture, UID_OWNER), *view = session(fixture);
	uint64_t device = walked(mount, "RMA-2"), note = walked(mount, "RMA-2/open/note.txt"),
		 handle;
	uint64_t none = (device >> 32 | 1u << 20) << 32;
	struct gate_attr attr;
	struct listed listed;

	assert_int_equal(lookup_by(view, &INSIDE, GATE_ROOT, "RMA-2", &attr), ENOENT);
	assert_int_equal(lookup_by(view, &INSIDE, GATE_ROOT, "RMA-9", &attr), ENOENT);
	assert_int_equal(lookup_by(view, &INSIDE, device, "open", &attr), ESTALE);
	assert_int_equal(lookup_by(view, &INSIDE, none, "open", &attr), ESTALE);
	assert_int_equal(getattr_by(view, &INSIDE, device, &attr), ESTALE);
	assert_int_equal(getattr_by(view, &INSIDE, note, &attr), ESTALE);
	assert_int_equal(open_at(view, &INSIDE, note, &handle), ESTALE);
	assert_int_equal(list_by(view, &INSIDE, device, &listed), ESTALE);
	assert_int_equal(list_by(view, &INSIDE, GATE_ROOT, &listed), 0);
	assert_int_equal(listed.count, 2);
	assert_true(is_listed(&listed, "RMA-1"));
	assert_true(is_listed(&listed, "READ ME.txt"));
	gate_view_close(view);
	gate_view_close(mount);
}

static void no_word_of_ours_speaks_of_another_device(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *mount = fixture_view(fixture, UID_OWNER), *view = session(fixture);
	struct waited waited;
	uint8_t why[4096];
	char text[8192];

	assert_int_equal(do_read_text(mount, opened(mount, "READ ME.txt"), text, sizeof(text)), 0);
	assert_non_null(strstr(text, "RMA-2"));
	text_of(view, "READ ME.txt", text, sizeof(text));
	assert_non_null(strstr(text, "RMA-1"));
	assert_null(strstr(text, "RMA-2"));
	assert_null(strstr(text, "beside devices"));
	assert_non_null(strstr(text, "This session is yours alone"));
	waited_begin(&waited);
	gate_why(view, &INSIDE, GATE_ROOT, why, sizeof(why) - 1, &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	why[waited.reply.length] = 0;
	assert_non_null(strstr((char *)why, "RMA-1"));
	assert_null(strstr((char *)why, "RMA-2"));
	gate_view_close(view);
	gate_view_close(mount);
}

/* ---- contents ------------------------------------------------------------------------------------------------ */

static void contents_are_decided_by_read(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *mount = fixture_view(fixture, UID_OWNER), *view = session(fixture);
	uint64_t handle;
	char text[64];

	/* read, and no copy */
	text_of(view, "RMA-1/open/mail.txt", text, sizeof(text));
	assert_non_null(strstr(text, "write to "));
	assert_null(strstr(text, "kim.lee"));
	assert_int_equal(do_open_path(mount, "RMA-1/open/mail.txt", &handle), EACCES);
	/* neither */
	fixture_policy(fixture, 2, LISTS);
	assert_int_equal(open_path(view, "RMA-1/open/mail.txt", &handle), EACCES);
	gate_view_close(view);
	gate_view_close(mount);
}

static void an_original_is_shown_where_read_and_unmask_are_permitted(void **state)
{
	struct fixture *fixture = *state;
	char text[64];

	fixture_policy(fixture, 2, READS_AND_UNMASKS);
	struct gate_view *view = session(fixture);

	text_of(view, "RMA-1/open/mail.txt", text, sizeof(text));
	assert_non_null(strstr(text, "kim.lee@example.org"));
	struct last opened = last_of(fixture, AUDIT_OPEN);

	assert_int_equal(opened.event.bytes, 1);
	assert_string_equal(opened.event.detail, "unmasked: email");
	struct rules_used used;

	usage_read(usage_of(fixture->gate, UID_OWNER), &used);
	assert_int_equal(used.amount[UNIT_UNMASKS][PERIOD_HOUR], 1);
	assert_int_equal(used.amount[UNIT_SHOWN][PERIOD_DAY], 0);
	gate_view_close(view);
}

static void limits_of_read_count(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first, second;
	char text[64];

	limited_by(fixture, 2, "files: 1 per hour");
	struct gate_view *view = session(fixture);
	uint64_t node = find(view, "RMA-1/open/other.txt");

	assert_int_equal(open_path(view, "RMA-1/open/note.txt", &first), 0);
	/* The last file stays readable, and does not end the session. */
	assert_int_equal(read_by(view, &INSIDE, first, text, sizeof(text)), 0);
	assert_int_equal(gate_view_may_read(view, NULL), BL_OK);
	assert_int_not_equal(open_at(view, &INSIDE, node, &second), 0);
	gate_view_close(view);
	limited_by(fixture, 3, "bytes: 31 per day");
	view = session(fixture);
	assert_int_equal(open_path(view, "RMA-1/open/note.txt", &first), 0);
	assert_int_equal(read_by(view, &INSIDE, first, text, sizeof(text)),
			 0); /* 15, and 15 before */
	assert_int_equal(read_by(view, &INSIDE, first, text, 2), 0);
	assert_int_equal(read_by(view, &INSIDE, first, text, 2), ESTALE);
	assert_int_equal(gate_view_may_read(view, NULL), BL_FORBIDDEN);
	gate_view_close(view);
}

static bool keep_look(void *context, const char *device, int64_t at_unix)
{
	(void)at_unix;
	strcat(context, device);
	return true;
}

static void a_look_in_a_session_extends_the_device(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	char kept[128] = "", text[64];

	gate_each_look(fixture->gate, keep_look, kept);
	assert_string_equal(kept, "");
	text_of(view, "RMA-1/open/note.txt", text, sizeof(text));
	gate_each_look(fixture->gate, keep_look, kept);
	assert_string_equal(kept, "RMA-1");
	gate_view_close(view);
}

static void why_speaks_of_read(void **state)
{
	struct fixture *fixture = *state;
	struct waited waited;
	uint8_t why[4096];

	fixture_policy(fixture, 2, READS_AND_UNMASKS);
	struct gate_view *view = session(fixture);

	waited_begin(&waited);
	gate_why(view, &INSIDE, find(view, "RMA-1/open/mail.txt"), why, sizeof(why) - 1,
		 &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	why[waited.reply.length] = 0;
	assert_non_null(strstr((char *)why, "read is permitted"));
	assert_null(strstr((char *)why, "copy"));
	assert_null(strstr((char *)why, "mount"));
	assert_non_null(strstr((char *)why, "unmasked in this session: email"));
	gate_view_close(view);
}

/* Nobody inside can ask why: the notice says it, and so does whoever speaks last. No name of the device is in it. */
static void a_refusal_says_why_where_the_person_can_read_it(void **state)
{
	struct fixture *fixture = *state;
	struct waited waited;
	uint8_t text[8192];
	char why[512];

	fixture_policy(fixture, 2, READS_NO_MAIL);
	struct gate_view *view = session(fixture);
	uint64_t handle, node = find(view, "RMA-1/open/mail.txt");

	assert_int_equal(gate_view_refused(view, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	assert_int_equal(open_at(view, &INSIDE, node, &handle), EACCES);
	assert_int_equal(open_at(view, &INSIDE, node, &handle), EACCES);
	assert_int_equal(gate_view_refused(view, why, sizeof(why)), 2);
	assert_non_null(strstr(why, "mail-stays-closed"));
	assert_null(strstr(why, "mail.txt"));
	waited_begin(&waited);
	gate_why(view, &INSIDE, GATE_ROOT, text, sizeof(text) - 1, &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	text[waited.reply.length] = 0;
	const char *at = strstr((char *)text, why);

	assert_non_null(at);
	assert_null(strstr(at + 1, why));
	gate_view_close(view);
}

/* ---- what is shown ------------------------------------------------------------------------------------------- */

static uint64_t shown_today(struct fixture *fixture)
{
	struct rules_used used;

	usage_read(usage_of(fixture->gate, UID_OWNER), &used);
	return used.amount[UNIT_SHOWN][PERIOD_DAY];
}

static void recount(struct fixture *fixture)
{
	struct bl_error why = {""};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	if (gate_recount(fixture->gate, fd, &why) != BL_OK)
		fail_msg("%s", why.text);
	close(fd);
}

static void note_change(void *context)
{
	atomic_fetch_add((atomic_int *)context, 1);
}

static void what_is_shown_is_counted_and_in_the_log_before(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view;

	limited_by(fixture, 2, "shown: 4096 per day");
	view = session(fixture);
	assert_int_equal(gate_view_begun(view, "less", NULL), BL_OK);
	assert_string_equal(last_of(fixture, AUDIT_SESSION_BEGUN).event.detail, "less");
	assert_int_equal(gate_view_count_shown(view, 1000, 0, NULL), BL_OK);
	assert_int_equal(gate_view_count_shown(view, 500, 1000, NULL), BL_OK);
	struct last shown = last_of(fixture, AUDIT_SHOWN);

	assert_int_equal(shown.count, 2);
	assert_int_equal(shown.event.bytes, 500);
	assert_int_equal(shown.event.offset, 1000);
	assert_int_equal(shown.event.uid, UID_OWNER);
	assert_int_equal(shown.event.session, gate_view_session(view));
	assert_string_equal(shown.event.device, "RMA-1");
	assert_int_equal(shown_today(fixture), 1500);
	gate_view_ended(view, 1500, 1200, "left");
	struct last ended = last_of(fixture, AUDIT_SESSION_ENDED);

	assert_int_equal(ended.event.bytes, 1200);
	assert_int_equal(ended.event.offset, 1500);
	assert_string_equal(ended.event.detail, "left");
	assert_int_equal(ended.event.session, gate_view_session(view));
	assert_int_equal(shown_today(fixture), 1200);
	gate_view_close(view);
}

static void no_more_is_shown_than_the_limit(void **state)
{
	struct fixture *fixture = *state;
	struct bl_error why = {""};
	atomic_int changes = 0, others = 0;

	limited_by(fixture, 2, "shown: 4096 per day");
	struct gate_view *view = session(fixture), *other = session_for(fixture, "RMA-2");

	gate_view_on_change(view, note_change, &changes);
	gate_view_on_change(other, note_change, &others);
	assert_int_equal(gate_view_count_shown(view, 3000, 0, NULL), BL_OK);
	/* A step that is larger than what is left is refused, whole. */
	assert_int_equal(gate_view_count_shown(other, 1097, 0, &why), BL_FORBIDDEN);
	assert_non_null(strstr(why.text, "limit"));
	assert_int_equal(shown_today(fixture), 3000);
	assert_int_equal(logged(fixture, AUDIT_SHOWN, AUDIT_PERMITTED, NULL), 1);
	assert_int_equal(gate_view_may_read(other, NULL), BL_OK);
	assert_int_equal(atomic_load(&changes), 0);
	/* The last byte is shown, and then both sessions are over. */
	assert_int_equal(gate_view_count_shown(other, 1096, 0, NULL), BL_OK);
	assert_int_not_equal(atomic_load(&changes), 0);
	assert_int_not_equal(atomic_load(&others), 0);
	assert_int_equal(gate_view_may_read(view, &why), BL_FORBIDDEN);
	assert_non_null(strstr(why.text, "limit"));
	assert_int_equal(gate_view_may_read(other, &why), BL_FORBIDDEN);
	assert_int_equal(gate_view_count_shown(view, 1, 3000, NULL), BL_FORBIDDEN);
	assert_int_equal(gate_view_count_shown(view, UINT64_MAX, 3000, NULL), BL_FORBIDDEN);
	gate_view_close(view);
	gate_view_close(other);
}

static void what_was_given_back_may_be_shown_and_no_more(void **state)
{
	struct fixture *fixture = *state;
	atomic_int changes = 0;

	limited_by(fixture, 2, "shown: 4096 per day");
	struct gate_view *view = session(fixture), *other = session(fixture);

	assert_int_equal(gate_view_count_shown(view, 4096, 0, NULL), BL_OK);
	assert_int_equal(gate_view_may_read(other, NULL), BL_FORBIDDEN);
	gate_view_ended(view, 4096, 4000, "left");
	assert_int_equal(gate_view_may_read(other, NULL), BL_OK);
	gate_view_on_change(other, note_change, &changes);
	assert_int_equal(gate_view_count_shown(other, 97, 0, NULL), BL_FORBIDDEN);
	assert_int_equal(gate_view_count_shown(other, 96, 0, NULL), BL_OK);
	/* That the limit is reached again is told again. */
	assert_int_not_equal(atomic_load(&changes), 0);
	assert_int_equal(gate_view_may_read(other, NULL), BL_FORBIDDEN);
	gate_view_close(view);
	gate_view_close(other);
}

struct shower {
	struct gate_view *view;
	atomic_ulong *shown;
};

static void *show(void *context)
{
	struct shower *shower = context;

	while (gate_view_count_shown(shower->view, 160, 0, NULL) == BL_OK)
		atomic_fetch_add(shower->shown, 160);
	return NULL;
}

static void sessions_at_once_show_no_more_than_one(void **state)
{
	struct fixture *fixture = *state;
	struct shower showers[4];
	pthread_t threads[4];
	atomic_ulong shown = 0;

	limited_by(fixture, 2, "shown: 16000 per hour");
	for (size_t i = 0; i < BL_COUNT(threads); i++) {
		showers[i] = (struct shower){session(fixture), &shown};
		assert_int_equal(pthread_create(&threads[i], NULL, show, &showers[i]), 0);
	}
	for (size_t i = 0; i < BL_COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&shown), 16000);
	for (size_t i = 0; i < BL_COUNT(threads); i++)
		gate_view_close(showers[i].view);
}

static void a_budget_survives_a_restart_and_a_crash_counts_everything(void **state)
{
	struct fixture *fixture = *state;

	limited_by(fixture, 2, "shown: 4096 per day");
	struct gate_view *ended = session(fixture), *crashed = session(fixture);

	assert_int_equal(gate_view_count_shown(ended, 1000, 0, NULL), BL_OK);
	assert_int_equal(gate_view_count_shown(crashed, 2000, 0, NULL), BL_OK);
	gate_view_ended(ended, 1000, 400, "left");
	gate_view_close(ended);
	gate_view_close(crashed); /* and nothing was said of what it had not shown yet */
	fixture_restart(fixture);
	limited_by(fixture, 2, "shown: 4096 per day");
	recount(fixture);
	assert_int_equal(shown_today(fixture), 2400);
	struct gate_view *view = session(fixture);

	assert_int_equal(gate_view_count_shown(view, 1697, 0, NULL), BL_FORBIDDEN);
	assert_int_equal(gate_view_count_shown(view, 1696, 0, NULL), BL_OK);
	gate_view_close(view);
}

static void only_what_was_counted_in_a_period_is_given_back_in_it(void **state)
{
	struct fixture *fixture = *state;
	int64_t next = NOW - NOW % HOUR + HOUR;
	struct rules_used live, again;

	limited_by(fixture, 2, "shown: 4096 per hour");
	struct gate_view *view = session(fixture), *other = session(fixture);

	assert_int_equal(gate_view_count_shown(view, 3000, 0, NULL), BL_OK);
	atomic_store(&fixture->now, next);
	assert_int_equal(gate_view_count_shown(other, 700, 0, NULL), BL_OK);
	assert_int_equal(gate_view_count_shown(view, 50, 3000, NULL), BL_OK);
	gate_view_ended(view, 3050, 1000, "left");
	usage_read(usage_of(fixture->gate, UID_OWNER), &live);
	assert_int_equal(live.amount[UNIT_SHOWN][PERIOD_HOUR], 700);
	assert_int_equal(live.amount[UNIT_SHOWN][PERIOD_DAY], 1700);
	gate_view_close(view);
	gate_view_close(other);
	fixture_restart(fixture);
	limited_by(fixture, 2, "shown: 4096 per hour");
	recount(fixture);
	usage_read(usage_of(fixture->gate, UID_OWNER), &again);
	assert_int_equal(again.amount[UNIT_SHOWN][PERIOD_HOUR], 700);
	assert_int_equal(again.amount[UNIT_SHOWN][PERIOD_DAY], 1700);
}

/* Sessions that begin, show, end and crash at random, over the edges of hours. */
static void what_sessions_have_shown_is_counted_again(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *views[4] = {NULL};
	uint64_t counted[4] = {0};
	struct rules_used live, again;
	unsigned seed = 11;

	limited_by(fixture, 2, "shown: 20000 per hour");
	atomic_store(&fixture->now, NOW - NOW % 86400 + 15 * HOUR + 1800);
	for (int i = 0; i < 200; i++) {
		seed = seed * 1103515245u + 12345u;
		size_t at = seed >> 16 & 3;
		unsigned way = seed >> 18 & 7, bytes = 1 + (seed >> 21) % 999;

		if (way == 0)
			atomic_fetch_add(&fixture->now, 400);
		if (!views[at] && try_session(fixture, UID_OWNER, "RMA-1", NULL, &views[at],
					      &(struct bl_error){""}) != BL_OK)
			continue;
		if (way == 1) {
			gate_view_ended(views[at], counted[at],
					counted[at] - BL_MIN(counted[at], bytes), "left");
		} else if (way > 2) {
			if (gate_view_count_shown(views[at], bytes, counted[at], NULL) == BL_OK)
				counted[at] += bytes;
			continue;
		}
		/* Also one that crashed. */
		gate_view_close(views[at]);
		views[at] = NULL;
		counted[at] = 0;
	}
	for (size_t i = 0; i < BL_COUNT(views); i++)
		if (views[i])
			gate_view_close(views[i]);
	usage_read(usage_of(fixture->gate, UID_OWNER), &live);
	fixture_restart(fixture);
	limited_by(fixture, 2, "shown: 20000 per hour");
	recount(fixture);
	usage_read(usage_of(fixture->gate, UID_OWNER), &again);
	assert_true(live.amount[UNIT_SHOWN][PERIOD_HOUR] > 0);
	assert_true(live.amount[UNIT_SHOWN][PERIOD_HOUR] < live.amount[UNIT_SHOWN][PERIOD_DAY]);
	for (size_t period = 0; period < PERIOD_COUNT; period++)
		assert_int_equal(live.amount[UNIT_SHOWN][period], again.amount[UNIT_SHOWN][period]);
}

static void nothing_is_counted_that_the_log_cannot_take(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	struct bl_error why = {""};

	assert_int_equal(gate_view_count_shown(view, 100, 0, NULL), BL_OK);
	atomic_store(&fixture->is_sync_broken, true);
	assert_int_equal(gate_view_count_shown(view, 200, 100, &why), BL_LOG_BROKEN);
	assert_int_equal(shown_today(fixture), 100);
	assert_int_equal(gate_view_may_read(view, &why), BL_LOG_BROKEN);
	assert_non_null(strstr(why.text, "log"));
	assert_int_equal(gate_view_begun(view, "less", NULL), BL_LOG_BROKEN);
	gate_view_close(view);
}

/* ---- what ends it ---------------------------------------------------------------------------------------------- */

static void another_policy_ends_it_in_the_words_of_the_policy(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	atomic_int changes = 0;
	struct bl_error why = {""};

	gate_view_on_change(view, note_change, &changes);
	assert_int_equal(gate_view_may_read(view, &why), BL_OK);
	fixture_policy(fixture, 2, LISTS);
	assert_int_equal(atomic_load(&changes), 1);
	assert_int_equal(gate_view_may_read(view, &why), BL_FORBIDDEN);
	assert_non_null(strstr(why.text, "read is forbidden"));
	assert_int_equal(gate_view_count_shown(view, 1, 0, &why), BL_FORBIDDEN);
	fixture_policy(fixture, 3, COPIES);
	assert_int_equal(gate_view_may_read(view, &why), BL_OK);
	gate_view_close(view);
}

static void a_role_that_lapses_and_an_hour_that_is_over_end_it(void **state)
{
	static const char HOURS[] =
		"  - id: owner-reads\n    permit: [list, stat, read]\n    who: [owner]\n"
		"    when: {hours: ['Mon-Sun 00:00-23:00']}\n    why: Not late at night.\n"
		"  - id: owner-lists\n    permit: [list, stat]\n    who: [owner]\n    why: "
		"Names and no more.\n";
	struct fixture *fixture = *state;
	int64_t midnight = NOW - NOW % 86400;
	struct bl_error why = {""};

	fixture_policy(fixture, 2, HOURS);
	struct gate_view *view = session(fixture);

	assert_int_equal(gate_view_may_read(view, &why), BL_OK);
	/* Nobody ticked. */
	atomic_store(&fixture->now, midnight + 23 * HOUR);
	assert_int_equal(gate_view_may_read(view, &why), BL_FORBIDDEN);
	assert_int_equal(gate_view_count_shown(view, 1, 0, &why), BL_FORBIDDEN);
	gate_view_close(view);
}

static void a_hold_ends_it_where_the_policy_says_so(void **state)
{
	static const char NOT_HELD[] =
		"  - id: owner-reads\n    permit: [list, stat, read]\n    who: [owner]\n    why: "
		"Owners look in sessions.\n"
		"  - id: held-is-closed\n    forbid: [read, copy]\n    who: [owner]\n"
		"    what: {status: [held]}\n    why: Held devices are for counsel.\n";
	struct fixture *fixture = *state;
	struct bl_error why = {""};
	uint32_t number;

	fixture_policy(fixture, 2, NOT_HELD);
	struct gate_view *view = session(fixture);

	assert_int_equal(device_hold_add(fixture->store, "RMA-1", UID_LEAD, 0, "a court wants it",
					 NOW, &number, NULL),
			 BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(gate_view_may_read(view, &why), BL_FORBIDDEN);
	assert_non_null(strstr(why.text, "held-is-closed"));
	gate_view_close(view);
}

static void consent(struct fixture *fixture, bool is_granted)
{
	struct device_consent consent = {.is_granted = is_granted, .since_unix = NOW};

	strcpy(consent.purpose, "repair");
	assert_int_equal(device_consent_set(fixture->store, "RMA-1", &consent, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
}

static void a_consent_that_is_withdrawn_ends_it(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture), *other = session_for(fixture, "RMA-2");
	struct bl_error why = {""};

	consent(fixture, true);
	assert_int_equal(gate_view_may_read(view, &why), BL_OK);
	consent(fixture, false);
	assert_int_equal(gate_view_may_read(view, &why), BL_NOT_FOUND);
	assert_string_equal(why.text,
			    "device 'RMA-1' is closed: the consent to look at it was withdrawn");
	assert_int_equal(gate_view_count_shown(view, 1, 0, &why), BL_NOT_FOUND);
	assert_int_equal(gate_view_may_read(other, &why), BL_OK);
	gate_view_close(view);
	gate_view_close(other);
}

static void a_device_that_is_due_or_gone_ends_it(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	struct bl_error why = {""};
	struct gate_view *none;

	assert_int_equal(device_set_state(fixture->store, "RMA-1", STATE_DUE, 1, NULL), BL_OK);
	gate_device_changed(fixture->gate, "RMA-1");
	assert_int_equal(gate_view_may_read(view, &why), BL_NOT_FOUND);
	assert_string_equal(why.text, "device 'RMA-1' is closed: its date has come, and it is "
				      "going to be destroyed");
	assert_int_equal(try_session(fixture, UID_OWNER, "RMA-1", NULL, &none, &why), BL_NOT_FOUND);
	assert_string_equal(why.text, "no device 'RMA-1'");
	gate_device_drop(fixture->gate, "RMA-1");
	assert_int_equal(gate_view_may_read(view, &why), BL_NOT_FOUND);
	assert_string_equal(why.text, "device 'RMA-1' is closed: it is not there any more");
	gate_view_close(view);
}

static void a_device_that_is_renewed_stays(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture);
	char text[64];

	text_of(view, "RMA-1/open/note.txt", text, sizeof(text));
	gate_device_renew(fixture->gate, "RMA-1");
	assert_int_equal(gate_view_may_read(view, NULL), BL_OK);
	text_of(view, "RMA-1/open/note.txt", text, sizeof(text));
	assert_string_equal(text, "nothing to see\n");
	gate_view_close(view);
}

static void contents_that_are_closed_to_everybody_end_it(void **state)
{
	struct fixture *fixture = *state;
	struct gate_view *view = session(fixture), *none;
	struct bl_error why = {""};

	gate_contents(fixture->gate, false);
	assert_int_equal(gate_view_may_read(view, &why), BL_FORBIDDEN);
	assert_non_null(strstr(why.text, "builtin/not-anchored"));
	assert_int_equal(try_session(fixture, UID_OWNER, "RMA-1", NULL, &none, &why), BL_FORBIDDEN);
	assert_int_equal(logged(fixture, AUDIT_VIEW_OPENED, AUDIT_DENIED, "builtin/not-anchored"),
			 1);
	gate_contents(fixture->gate, true);
	assert_int_equal(gate_view_may_read(view, &why), BL_OK);
	gate_view_close(view);
}

/* ---- the first screen ------------------------------------------------------------------------------------------ */

static void the_first_screen_says_what_the_policy_does(void **state)
{
	struct fixture *fixture = *state;
	char text[8192], little[64];

	limited_by(fixture, 2, "files: 7 per hour, shown: 50M per day");
	struct gate_view *view = session(fixture);

	assert_int_equal(gate_view_count_shown(view, 20480, 0, NULL), BL_OK);
	gate_view_terms(view, text, sizeof(text));
	assert_non_null(strstr(text, "Masked:\t"));
	assert_non_null(strstr(text, "email"));
	assert_non_null(strstr(text, "Used:\t0 of 7 files this hour\n"));
	assert_non_null(strstr(text, "Used:\t20 KiB of "));
	assert_null(strstr(text, "RMA-2"));
	/* Each line has its label. */
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\t") < strcspn(line, "\n"));
	/* Cut at a line's end. */
	gate_view_terms(view, little, sizeof(little));
	assert_true(little[0] == 0 || little[strlen(little) - 1] == '\n');
	assert_memory_equal(little, text, strlen(little));
	gate_view_close(view);
}

int main(void)
{
#define WITH_DEVICES(test) cmocka_unit_test_setup_teardown(test, with_devices, fixture_without)
	const struct CMUnitTest tests[] = {
		WITH_DEVICES(the_number_of_a_session_is_that_of_its_first_event),
		WITH_DEVICES(what_may_not_be_seen_is_not_there),
		WITH_DEVICES(who_may_only_list_gets_no_session),
		WITH_DEVICES(a_read_that_others_approve_is_asked_for),
		WITH_DEVICES(a_read_of_something_in_the_device_is_enough),
		WITH_DEVICES(only_the_one_uid_inside_may_ask),
		WITH_DEVICES(refusals_without_end_end_a_session),
		WITH_DEVICES(the_log_speaks_of_the_person),
		WITH_DEVICES(everything_is_owned_by_whoever_is_inside),
		WITH_DEVICES(another_device_is_not_there),
		WITH_DEVICES(no_word_of_ours_speaks_of_another_device),
		WITH_DEVICES(contents_are_decided_by_read),
		WITH_DEVICES(an_original_is_shown_where_read_and_unmask_are_permitted),
		WITH_DEVICES(limits_of_read_count),
		WITH_DEVICES(a_look_in_a_session_extends_the_device),
		WITH_DEVICES(why_speaks_of_read),
		WITH_DEVICES(a_refusal_says_why_where_the_person_can_read_it),
		WITH_DEVICES(what_is_shown_is_counted_and_in_the_log_before),
		WITH_DEVICES(no_more_is_shown_than_the_limit),
		WITH_DEVICES(what_was_given_back_may_be_shown_and_no_more),
		WITH_DEVICES(sessions_at_once_show_no_more_than_one),
		WITH_DEVICES(a_budget_survives_a_restart_and_a_crash_counts_everything),
		WITH_DEVICES(only_what_was_counted_in_a_period_is_given_back_in_it),
		WITH_DEVICES(what_sessions_have_shown_is_counted_again),
		WITH_DEVICES(nothing_is_counted_that_the_log_cannot_take),
		WITH_DEVICES(another_policy_ends_it_in_the_words_of_the_policy),
		WITH_DEVICES(a_role_that_lapses_and_an_hour_that_is_over_end_it),
		WITH_DEVICES(a_hold_ends_it_where_the_policy_says_so),
		WITH_DEVICES(a_consent_that_is_withdrawn_ends_it),
		WITH_DEVICES(a_device_that_is_due_or_gone_ends_it),
		WITH_DEVICES(a_device_that_is_renewed_stays),
		WITH_DEVICES(contents_that_are_closed_to_everybody_end_it),
		WITH_DEVICES(the_first_screen_says_what_the_policy_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
