/* fixture.h - a real small stack under a gate: store, vault, log, and devices that are directories */
#ifndef TESTS_UNIT_FS_GATE_FIXTURE_H
#define TESTS_UNIT_FS_GATE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the above */
#include <cmocka.h>

#include "fs/gate/gate.h"

#define UID_OWNER    61001u
#define UID_CLERK    61002u
#define UID_LEAD     61003u
#define UID_SECOND   61004u /* another lead */
#define UID_STRANGER 61009u
#define NOW	     INT64_C(1790000000) /* 2026-09-21 */

static const char POLICY_HEAD[] =
	"bailee: 1\nname: test\nserial: %d\ntimezone: UTC\nuses: [builtin/baseline]\n"
	"people:\n  'uid:61001': {roles: [owner]}\n  'uid:61002': {roles: [clerk]}\n"
	"  'uid:61003': {roles: [lead]}\n  'uid:61004': {roles: [lead]}\n"
	"roles:\n  owner: {}\n  clerk: {}\n  lead: {}\n"
	"detect:\n  sets: [contact, payment, government-id, secrets]\n  customer: true\n"
	"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
	"rules:\n"
	"  - id: clerk-lists\n    permit: [list, stat]\n    who: [clerk]\n"
	"    why: Clerks see what is there.\n";
static const char OWNER_COPIES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    what: {paths: ['/open/**', '/open', '/link']}\n    why: Owners copy the masked "
	"view.\n";
static const char OWNER_LISTS[] =
	"  - id: owner-lists\n    permit: [list, stat]\n    who: [owner]\n"
	"    what: {paths: ['/open/**', '/open']}\n    why: Owners only look now.\n";

struct fixture {
	char root[64], source[96];
	struct device_store *store;
	struct audit *audit;
	struct gate *gate;
	struct audit_io io;
	atomic_bool is_sync_broken;
	atomic_llong now;
	const char *image;	/* NULL: the device is the source directory itself */
	struct sealed_hot *hot; /* NULL: no sealed image is opened */
	char reader[PATH_MAX];
};

static int64_t fixture_now(void *context)
{
	return atomic_load((atomic_llong *)context);
}

/* The log's clock is ours as well: what it counts again lies in the same hours. */
static int64_t fixture_realtime(void *context)
{
	struct fixture *fixture = context;

	return atomic_load(&fixture->now) * INT64_C(1000000000);
}

static int fixture_sync(void *context, int fd)
{
	struct fixture *fixture = context;

	if (atomic_load(&fixture->is_sync_broken)) {
		errno = EIO;
		return -1;
	}
	return audit_io_real()->sync_data(audit_io_real()->context, fd);
}

static int fixture_remove(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat, (void)type, (void)walk;
	return remove(path);
}

static inline void fixture_file(struct fixture *fixture, const char *name, const void *bytes,
				size_t length)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture->source, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static inline void fixture_text(struct fixture *fixture, const char *name, const char *text)
{
	fixture_file(fixture, name, text, strlen(text));
}

static inline void fixture_directory(struct fixture *fixture, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", fixture->source, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static inline struct policy *fixture_parse(const char *text)
{
	static struct rules_findings findings;
	struct policy *policy = NULL;

	if (rules_parse(text, strlen(text), &policy, &findings, NULL) != BL_OK)
		fail_msg("policy line %u: %s", findings.items[0].line, findings.items[0].text);
	return policy;
}

/* A whole policy in force. */
static inline void fixture_policy_text(struct fixture *fixture, const char *text)
{
	struct policy *policy = fixture_parse(text);

	gate_set_policy(fixture->gate, policy);
	policy_unref(policy);
}

/* @rules below the head that they all have. */
static inline void fixture_policy(struct fixture *fixture, int serial, const char *rules)
{
	char text[8192];
	int length = snprintf(text, sizeof(text), POLICY_HEAD, serial);

	snprintf(text + length, sizeof(text) - (size_t)length, "%s", rules);
	fixture_policy_text(fixture, text);
}

static inline void fixture_enroll(struct fixture *fixture)
{
	static const char RECORD[] =
		"received: 2026-09-01\nmaker: Acme\nmodel: One\nserial: A1\n"
		"customer:\n  name: Ottoline Quessenberry\n  email: ottoline@example.org\n";
	struct device_record record;
	struct device *device = calloc(1, sizeof(*device));
	struct bl_error why = {""};

	assert_non_null(device);
	if (device_record_parse(RECORD, sizeof(RECORD) - 1, &record, &why) != BL_OK)
		fail_msg("%s", why.text);
	strcpy(device->id, "RMA-1");
	device->kind = DEVICE_LAPTOP;
	device->enrolled_unix = NOW;
	strcpy(device->source, fixture->image ? fixture->image : fixture->source);
	if (device_enroll(fixture->store, device, &record, &why) != BL_OK)
		fail_msg("%s", why.text);
	device_record_done(&record);
	free(device);
}

static inline void fixture_log(struct fixture *fixture)
{
	struct bl_error why = {""};
	struct audit_config config = {.store_fd = device_store_fd(fixture->store),
				      .vault = device_store_vault(fixture->store),
				      .segment_bytes = 256 << 10,
				      .io = &fixture->io};

	if (audit_open(&config, &fixture->audit, &why) != BL_OK)
		fail_msg("%s", why.text);
}

/* The stack without files, device or policy. */
static inline void fixture_bare(struct fixture *fixture)
{
	struct bl_error why = {""};
	char path[96];

	memset(fixture, 0, sizeof(*fixture));
	strcpy(fixture->root, "/tmp/bailee-gate-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	assert_int_equal(chmod(fixture->root, 0755), 0);
	snprintf(fixture->source, sizeof(fixture->source), "%s/source", fixture->root);
	assert_int_equal(mkdir(fixture->source, 0755), 0);
	snprintf(path, sizeof(path), "%s/store", fixture->root);
	if (device_store_create(path, NULL, &fixture->store, &why) != BL_OK)
		fail_msg("%s", why.text);
	atomic_store(&fixture->now, NOW);
	fixture->io = *audit_io_real();
	fixture->io.context = fixture;
	fixture->io.sync_data = fixture_sync;
	fixture->io.realtime_ns = fixture_realtime;
	fixture_log(fixture);
}

static inline void fixture_gate(struct fixture *fixture)
{
	struct bl_error why = {""};
	struct gate_config config = {.store = fixture->store,
				     .audit = fixture->audit,
				     .reader_path = fixture->reader,
				     .hot = fixture->hot,
				     .now_unix = fixture_now,
				     .clock_context = &fixture->now};

	if (gate_new(&config, &fixture->gate, &why) != BL_OK)
		fail_msg("%s", why.text);
}

/* As after a crash and a start: nothing is known but what lies in the store. Views are closed, no policy is set. */
static inline void fixture_restart(struct fixture *fixture)
{
	struct bl_error why = {""};
	char path[96];

	gate_free(fixture->gate);
	audit_close(fixture->audit);
	device_store_close(fixture->store);
	snprintf(path, sizeof(path), "%s/store", fixture->root);
	if (device_store_open(path, NULL, &fixture->store, &why) != BL_OK)
		fail_msg("%s", why.text);
	fixture_log(fixture);
	fixture_gate(fixture);
}

static inline void fixture_done(struct fixture *fixture)
{
	gate_free(fixture->gate);
	if (fixture->audit)
		audit_close(fixture->audit);
	if (fixture->store)
		device_store_close(fixture->store);
	nftw(fixture->root, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- arranging: begin, files, end --------------------------------------------------------------- */

/* A stack with one folder, "open", and nothing in it yet. */
static inline struct fixture *fixture_begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	*state = fixture;
	fixture_bare(fixture);
	fixture_directory(fixture, "open");
	return fixture;
}

/* Enrolled, and served under @rules. */
static inline void fixture_end(struct fixture *fixture, const char *rules)
{
	fixture_enroll(fixture);
	fixture_gate(fixture);
	fixture_policy(fixture, 1, rules);
}

/* One text file that its owner may copy. */
static inline int fixture_with_note(void **state)
{
	struct fixture *fixture = fixture_begin(state);

	fixture_text(fixture, "open/note.txt", "nothing to see\n");
	fixture_end(fixture, OWNER_COPIES);
	return 0;
}

static inline int fixture_without(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static inline struct gate_view *fixture_view_for(struct fixture *fixture, uid_t uid,
						 const char *purpose)
{
	struct gate_view_request request = {
		.uid = uid, .gid = uid, .login_uid = UINT32_MAX, .purpose = purpose};
	struct gate_view *view = NULL;
	struct bl_error why = {""};

	if (gate_view_open(fixture->gate, &request, &view, &why) != BL_OK)
		fail_msg("%s", why.text);
	return view;
}

static inline struct gate_view *fixture_view(struct fixture *fixture, uid_t uid)
{
	return fixture_view_for(fixture, uid, NULL);
}

/* ---- a request that waits for its reply -------------------------------------------------------- */

struct waited {
	struct gate_reply reply;
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool is_done;
};

static inline void waited_done(struct gate_reply *reply)
{
	struct waited *waited = (struct waited *)reply;

	pthread_mutex_lock(&waited->lock);
	waited->is_done = true;
	pthread_cond_signal(&waited->came);
	pthread_mutex_unlock(&waited->lock);
}

static inline void waited_begin(struct waited *waited)
{
	memset(waited, 0, sizeof(*waited));
	pthread_mutex_init(&waited->lock, NULL);
	pthread_cond_init(&waited->came, NULL);
	waited->reply.done = waited_done;
}

static inline int waited_end(struct waited *waited)
{
	pthread_mutex_lock(&waited->lock);
	while (!waited->is_done)
		pthread_cond_wait(&waited->came, &waited->lock);
	pthread_mutex_unlock(&waited->lock);
	return waited->reply.error;
}

static inline struct gate_caller caller_uid(uint32_t uid)
{
	return (struct gate_caller){uid, uid, 1};
}

static inline int do_lookup(struct gate_view *view, uint64_t parent, const char *name,
			    uint64_t *out_node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	waited_begin(&waited);
	gate_lookup(view, &caller, parent, name, &waited.reply);
	int error = waited_end(&waited);

	*out_node = waited.reply.attr.node;
	return error;
}

/* "a/b/c" from the view's root; the errno of the first component that fails. */
static inline int do_walk(struct gate_view *view, const char *path, uint64_t *out_node)
{
	char copy[512], *rest = copy, *name;
	int error = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	*out_node = GATE_ROOT;
	while (!error && (name = strsep(&rest, "/")))
		error = do_lookup(view, *out_node, name, out_node);
	return error;
}

/* The same, and it is there. */
static inline uint64_t walked(struct gate_view *view, const char *path)
{
	uint64_t node;
	int error = do_walk(view, path, &node);

	if (error)
		fail_msg("%s: %s", path, strerror(error));
	return node;
}

static inline int do_open(struct gate_view *view, uint32_t uid, uint64_t node, uint64_t *out_handle)
{
	struct gate_caller caller = caller_uid(uid);
	struct waited waited;

	waited_begin(&waited);
	gate_open(view, &caller, node, O_RDONLY, &waited.reply);
	int error = waited_end(&waited);

	*out_handle = waited.reply.handle;
	return error;
}

/* The errno of opening a path by the view's own person. */
static inline int do_open_path(struct gate_view *view, const char *path, uint64_t *out_handle)
{
	return do_open(view, gate_view_uid(view), walked(view, path), out_handle);
}

/* The same, and it opens. */
static inline uint64_t opened(struct gate_view *view, const char *path)
{
	uint64_t handle;
	int error = do_open_path(view, path, &handle);

	if (error)
		fail_msg("%s: %s", path, strerror(error));
	return handle;
}

/* The bytes of one read into @out; the errno. */
static inline int do_read(struct gate_view *view, uint32_t uid, uint64_t handle, uint64_t offset,
			  void *out, size_t size, size_t room, size_t *out_length)
{
	struct gate_caller caller = caller_uid(uid);
	struct waited waited;
	uint8_t *buffer = malloc(room);

	assert_non_null(buffer);
	waited_begin(&waited);
	gate_read(view, &caller, handle, offset, size, buffer, room, &waited.reply);
	int error = waited_end(&waited);

	*out_length = waited.reply.length;
	if (waited.reply.length)
		memcpy(out, waited.reply.bytes, waited.reply.length);
	free(buffer);
	return error;
}

/* The text that a handle gives, NUL behind it; the errno of the first read. */
static inline int do_read_text(struct gate_view *view, uint64_t handle, char *out, size_t size)
{
	size_t length = 0;
	int error = do_read(view, gate_view_uid(view), handle, 0, out, size - 1, size, &length);

	out[length] = 0;
	return error;
}

/* What user.bailee.why says, NUL behind it. */
static inline void do_why(struct gate_view *view, uint64_t node, char *out, size_t size)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	waited_begin(&waited);
	gate_why(view, &caller, node, (uint8_t *)out, size - 1, &waited.reply);
	assert_int_equal(waited_end(&waited), 0);
	out[waited.reply.length] = 0;
}

struct listed {
	char names[64][256];
	uint64_t nodes[64];
	size_t count;
};

static inline bool listed_add(void *context, const char *name, const struct gate_attr *attr,
			      uint64_t next)
{
	struct listed *listed = context;

	(void)next;
	assert_true(listed->count < 64);
	snprintf(listed->names[listed->count], sizeof(listed->names[0]), "%s", name);
	listed->nodes[listed->count++] = attr->node;
	return true;
}

static inline int do_list(struct gate_view *view, uint64_t node, struct listed *out)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited opened, read;

	memset(out, 0, sizeof(*out));
	waited_begin(&opened);
	gate_opendir(view, &caller, node, &opened.reply);
	int error = waited_end(&opened);

	if (error)
		return error;
	waited_begin(&read);
	gate_readdir(view, &caller, opened.reply.handle, 0, listed_add, out, &read.reply);
	error = waited_end(&read);
	gate_release(view, opened.reply.handle);
	return error;
}

static inline bool is_listed(const struct listed *listed, const char *name)
{
	for (size_t i = 0; i < listed->count; i++) {
		if (strcmp(listed->names[i], name) == 0)
			return true;
	}
	return false;
}

/* ---- what the log says --------------------------------------------------------------------------- */

struct counting {
	enum audit_op op;
	enum audit_verdict verdict;
	const char *rule;
	int uid;
	size_t count;
};

static inline bool count_record(void *context, const struct audit_record *record)
{
	struct counting *counting = context;

	counting->count += record->event.op == counting->op &&
			   record->event.verdict == counting->verdict &&
			   (!counting->rule || strcmp(record->event.rule, counting->rule) == 0) &&
			   (counting->uid < 0 || record->event.uid == (uint32_t)counting->uid);
	return true;
}

static inline size_t logged(struct fixture *fixture, enum audit_op op, enum audit_verdict verdict,
			    const char *rule)
{
	struct counting counting = {op, verdict, rule, -1, 0};
	int fd = openat(device_store_fd(fixture->store), "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(audit_scan(fd, count_record, &counting, NULL), BL_OK);
	close(fd);
	return counting.count;
}

#endif
