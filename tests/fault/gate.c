/*
 * The gate and the images below it while one allocation or call after the other fails: every answer is the right one or an honest
 * error, nothing personal is ever in it, and the next view of the same gate is right again.
 */
#include "tests/unit/fs/gate/fixture.h"

#include "fs/gate/private.h"

#include "tests/fault/sweep.h"
#include "tests/unit/fs/find-program.h"

#define LARGE 300000u
#define ROOM  GATE_READ_ROOM(GATE_READ_LIMIT)

static const char RULES[] =
	"  - id: owner-copies\n    permit: [list, stat, read, copy]\n    who: [owner]\n"
	"    why: Owners copy the masked view.\n";
/* What nobody may ever see. */
static const char *const PERSONAL[] = {"4111 1111 1111 1111", "ottoline@example.org", "Thessaly"};

struct bench {
	struct fixture fixture;
	bool is_image;
	char folder[64], image[96], large[LARGE];
	struct policy *policy, *less;
	struct sweep_run clean, first, second;
	bool has_clean;
	bool is_noticed; /* the device shows that it could not be opened */
	uint8_t bytes[ROOM];
};

/* ---- what is looked at -------------------------------------------------------------------------- */

static void put(const struct bench *bench, const char *name, const char *bytes, size_t length)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/tree/%s", bench->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void fill_large(struct bench *bench)
{
	static const char CARD[] = "\nmy card is 4111 1111 1111 1111, bye\n";

	for (size_t i = 0; i < LARGE; i++)
		bench->large[i] = i % 61 == 60 ? '\n' : (char)('a' + i * 7 % 26);
	/* One lies across the edge of two windows. */
	memcpy(bench->large + DETECT_WINDOW - 20, CARD, sizeof(CARD) - 1);
	memcpy(bench->large + 1000, CARD, sizeof(CARD) - 1);
}

static const char CONTACT[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Thessaly Brackenridge\r\n"
			      "N:Brackenridge;Thessaly;;;\r\nEND:VCARD\r\n";
static const char NOTE[] = "to ottoline@example.org, thanks\n"; /* inline in an inode */
static const char LETTER[] = "Dear Thessaly Brackenridge, thank you.\n";

static void make_tree(struct bench *bench)
{
	char line[400];

	strcpy(bench->folder, "/tmp/bailee-sweep-XXXXXX");
	assert_non_null(mkdtemp(bench->folder));
	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p tree/open tree/people && ln -s ottoline@example.org.txt "
		 "tree/link",
		 bench->folder);
	assert_int_equal(system(line), 0);
	fill_large(bench);
	put(bench, "open/large.txt", bench->large, LARGE);
	put(bench, "open/note.txt", NOTE, sizeof(NOTE) - 1);
	put(bench, "open/letter.txt", LETTER, sizeof(LETTER) - 1);
	put(bench, "open/Thessaly Brackenridge.txt", "hello\n", 6);
	put(bench, "people/contacts.vcf", CONTACT, sizeof(CONTACT) - 1);
}

static void make_image(struct bench *bench)
{
	char line[400];

	snprintf(bench->image, sizeof(bench->image), "%s/%s", bench->folder,
		 bench->is_image ? "image" : "tree");
	if (!bench->is_image)
		return;
	snprintf(
		line, sizeof(line),
		"cd %s && PATH=$PATH:/sbin:/usr/sbin && truncate -s 4M image && mke2fs -q -t ext4 "
		"-O inline_data,^has_journal -I 256 -d tree image >/dev/null 2>&1 && debugfs -w -R "
		"'ea_set /open/letter.txt user.origin \"copied by ottoline@example.org\"' image "
		">/dev/null 2>&1",
		bench->folder);
	assert_int_equal(system(line), 0);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

#define FIRED(call)                                                                                \
	do {                                                                                       \
		faults_on();                                                                       \
		call;                                                                              \
		faults_off();                                                                      \
	} while (0)

static void see(const char *name, const void *bytes, size_t length)
{
	for (size_t i = 0; length && i < BL_COUNT(PERSONAL); i++)
		if (memmem(bytes, length, PERSONAL[i], strlen(PERSONAL[i])))
			sweep_fail("%s: shows what is personal", name);
}

static uint64_t ask_lookup(struct gate_view *view, struct sweep_run *run, uint64_t parent,
			   const char *name)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;
	struct image_attr attr = {0};

	if (!parent) {
		sweep_note(run, name, NOT_ASKED, NULL, 0);
		return 0;
	}
	waited_begin(&waited);
	FIRED(gate_lookup(view, &caller, parent, name, &waited.reply));
	int error = waited_end(&waited);

	attr.type = waited.reply.attr.attr.type;
	attr.mode = waited.reply.attr.attr.mode;
	attr.size_bytes = waited.reply.attr.attr.size_bytes;
	sweep_note(run, name, error, &attr, error ? 0 : sizeof(attr));
	return error ? 0 : waited.reply.attr.node;
}

static void ask_getattr(struct gate_view *view, struct sweep_run *run, const char *name,
			uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	if (!node) {
		sweep_note(run, name, NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&waited);
	FIRED(gate_getattr(view, &caller, node, &waited.reply));
	int error = waited_end(&waited);

	sweep_note(run, name, error, &waited.reply.attr.attr.size_bytes, error ? 0 : 8);
}

struct names {
	char text[4096];
	size_t length;
	uint64_t next;
};

static bool add_name(void *context, const char *name, const struct gate_attr *attr, uint64_t next)
{
	struct names *names = context;

	(void)attr;
	names->next = next;
	names->length += (size_t)snprintf(names->text + names->length,
					  sizeof(names->text) - names->length, "%s\n", name);
	return true;
}

static void ask_list(struct gate_view *view, struct sweep_run *run, const char *name, uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct names names = {.length = 0};
	struct waited opened, read;
	int error = NOT_ASKED;

	if (node) {
		waited_begin(&opened);
		FIRED(gate_opendir(view, &caller, node, &opened.reply));
		error = waited_end(&opened);
	}
	/* As the kernel does it: to the batch that has no more. */
	for (bool has_more = node && !error; has_more; has_more = !error && read.reply.length) {
		waited_begin(&read);
		FIRED(gate_readdir(view, &caller, opened.reply.handle, names.next, add_name, &names,
				   &read.reply));
		error = waited_end(&read);
	}
	if (node && opened.reply.handle)
		FIRED(gate_release(view, opened.reply.handle));
	see(name, names.text, error ? 0 : names.length);
	sweep_note(run, name, error, names.text, error ? 0 : names.length);
	sweep_own(run);
}

static void ask_link(struct gate_view *view, struct sweep_run *run, uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;
	uint8_t target[8192];

	if (!node) {
		sweep_note(run, "readlink", NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&waited);
	FIRED(gate_readlink(view, &caller, node, target, sizeof(target), &waited.reply));
	int error = waited_end(&waited);

	see("readlink", target, waited.reply.length);
	sweep_note(run, "readlink", error, target, waited.reply.length);
	sweep_own(run);
}

static void ask_why(struct gate_view *view, struct sweep_run *run, uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;
	uint8_t words[16384];

	if (!node) {
		sweep_note(run, "why", NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&waited);
	FIRED(gate_why(view, &caller, node, words, sizeof(words), &waited.reply));
	int error = waited_end(&waited);

	sweep_note(run, "why", error, words, waited.reply.length);
}

static void ask_attributes(struct bench *bench, struct gate_view *view, struct sweep_run *run,
			   uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited names, value;

	if (!node) {
		sweep_note(run, "names", NOT_ASKED, NULL, 0);
		sweep_note(run, "value", NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&names);
	FIRED(gate_xattrs(view, &caller, node, bench->bytes, &names.reply));
	int error = waited_end(&names);

	sweep_note(run, "names", error, names.reply.bytes, names.reply.length);
	waited_begin(&value);
	FIRED(gate_xattr(view, &caller, node, "user.origin", bench->bytes, GATE_XATTR_ROOM,
			 &value.reply));
	error = waited_end(&value);
	see("value", bench->bytes, error ? 0 : GATE_XATTR_ROOM);
	see("value", value.reply.bytes, value.reply.length);
	sweep_note(run, "value", error, value.reply.bytes, value.reply.length);
}

static uint64_t ask_open(struct gate_view *view, struct sweep_run *run, const char *name,
			 uint64_t node)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	if (!node) {
		sweep_note(run, name, NOT_ASKED, NULL, 0);
		return 0;
	}
	waited_begin(&waited);
	FIRED(gate_open(view, &caller, node, O_RDONLY, &waited.reply));
	int error = waited_end(&waited);

	sweep_note(run, name, error, NULL, 0);
	return error ? 0 : waited.reply.handle;
}

static void ask_read(struct bench *bench, struct gate_view *view, struct sweep_run *run,
		     const char *name, uint64_t handle, uint64_t offset, size_t size)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	if (!handle) {
		sweep_note(run, name, NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&waited);
	FIRED(gate_read(view, &caller, handle, offset, size, bench->bytes,
			size > 65536 ? ROOM : size, &waited.reply));
	int error = waited_end(&waited);

	see(name, waited.reply.bytes, waited.reply.length);
	sweep_note(run, name, error, waited.reply.bytes, waited.reply.length);
}

struct lent {
	struct waited waited;
	struct bench *bench;
};

/* What is lent is there until we return. */
static void lent_done(struct gate_reply *reply)
{
	if (reply->length)
		memcpy(((struct lent *)reply)->bench->bytes, reply->bytes, reply->length);
	waited_done(reply);
}

/* Two parts of a file, one behind the other; the second is read ahead where nothing fails. */
static void ask_on(struct bench *bench, struct gate_view *view, struct sweep_run *run,
		   uint64_t handle)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	static uint8_t buffer[ROOM];

	for (uint64_t at = 0; at < LARGE; at += GATE_AHEAD_LEAST) {
		struct lent lent = {.bench = bench};

		if (!handle) {
			sweep_note(run, "read on", NOT_ASKED, NULL, 0);
			continue;
		}
		waited_begin(&lent.waited);
		lent.waited.reply.done = lent_done;
		lent.waited.reply.may_lend = true;
		FIRED(gate_read(view, &caller, handle, at, GATE_AHEAD_LEAST, buffer, ROOM,
				&lent.waited.reply));
		int error = waited_end(&lent.waited);

		see("read on", bench->bytes, lent.waited.reply.length);
		sweep_note(run, "read on", error, bench->bytes, lent.waited.reply.length);
	}
}

static void ask_seek(struct gate_view *view, struct sweep_run *run, uint64_t handle)
{
	struct gate_caller caller = caller_uid(gate_view_uid(view));
	struct waited waited;

	if (!handle) {
		sweep_note(run, "seek", NOT_ASKED, NULL, 0);
		return;
	}
	waited_begin(&waited);
	FIRED(gate_seek(view, &caller, handle, 0, true, &waited.reply));
	sweep_note(run, "seek", waited_end(&waited), NULL, 0);
}

/* ---- a run ------------------------------------------------------------------------------------------ */

static struct gate_view *ask_view(struct bench *bench, struct sweep_run *run, uid_t uid)
{
	struct gate_view_request request = {.uid = uid, .gid = uid, .login_uid = UINT32_MAX};
	struct gate_view *view = NULL;
	enum bl_status status;

	FIRED(status = gate_view_open(bench->fixture.gate, &request, &view, NULL));
	sweep_note(run, "view", bl_status_errno(status), NULL, 0);
	return status == BL_OK ? view : NULL;
}

static void ask_files(struct bench *bench, struct gate_view *view, struct sweep_run *run,
		      uint64_t folder)
{
	uint64_t large = ask_lookup(view, run, folder, "large.txt");
	uint64_t note = ask_lookup(view, run, folder, "note.txt");
	uint64_t letter = ask_lookup(view, run, folder, "letter.txt");
	uint64_t handles[] = {ask_open(view, run, "open large", large),
			      ask_open(view, run, "open note", note),
			      ask_open(view, run, "open letter", letter)};

	ask_getattr(view, run, "getattr", large);
	ask_why(view, run, large);
	ask_read(bench, view, run, "read 4 KiB", handles[0], 0, 4096);
	ask_read(bench, view, run, "read all", handles[0], 0, GATE_READ_LIMIT);
	ask_read(bench, view, run, "read behind", handles[0], 2 * DETECT_WINDOW + 7, 5000);
	ask_read(bench, view, run, "read again", handles[0], DETECT_WINDOW - 100, 4096);
	ask_on(bench, view, run, handles[0]);
	ask_seek(view, run, handles[0]);
	ask_read(bench, view, run, "read note", handles[1], 0, 4096);
	ask_read(bench, view, run, "read letter", handles[2], 0, 4096);
	ask_attributes(bench, view, run, letter);
	for (size_t i = 0; i < BL_COUNT(handles); i++)
		if (handles[i])
			FIRED(gate_release(view, handles[i]));
}

static void ask_all(struct bench *bench, struct sweep_run *run)
{
	struct gate_view *view = ask_view(bench, run, UID_OWNER);
	uint64_t notice;

	if (!view)
		return;
	uint64_t device = ask_lookup(view, run, GATE_ROOT, "RMA-1"), root = device;

	ask_list(view, run, "list views", GATE_ROOT);
	ask_list(view, run, "list device", device);
	bench->is_noticed = do_lookup(view, device, "NOTICE.txt", &notice) == 0;
	if (bench->is_image)
		root = ask_lookup(view, run, device, "p1-ext4");
	ask_list(view, run, "list root", root);
	ask_link(view, run, ask_lookup(view, run, root, "link"));
	uint64_t folder = ask_lookup(view, run, root, "open");

	ask_list(view, run, "list folder", folder);
	ask_files(bench, view, run, folder);
	/* Another policy: what was open is lost. */
	uint64_t large = ask_lookup(view, run, folder, "large.txt");
	uint64_t handle = ask_open(view, run, "open large", large);

	FIRED(gate_set_policy(bench->fixture.gate, bench->less));
	ask_read(bench, view, run, "read after", handle, 0, 4096);
	ask_open(view, run, "open after", large);
	if (handle)
		FIRED(gate_release(view, handle));
	FIRED(gate_set_policy(bench->fixture.gate, bench->policy));
	FIRED(gate_view_close(view));
}

static const int HONEST[] = {EIO, ENOMEM, EBUSY, 0};

static void check_pass(struct bench *bench, struct sweep_run *run, const int *honest)
{
	/* Without a view there are no steps behind it. */
	if (honest && run->count == 1 && run->steps[0].error)
		return;
	/* An image that cannot be opened holds a notice until it is opened again; what is found in memory's absence is none. */
	if (honest && bench->is_noticed && sweep.kind == FAULT_CALL) {
		gate_device_renew(bench->fixture.gate, "RMA-1");
		run->count = 0;
		return;
	}
	sweep_judge(&bench->clean, run, honest);
}

static bool gate_begin(struct bench *bench)
{
	struct fixture *fixture = &bench->fixture;
	struct gate_config config = {.store = fixture->store,
				     .audit = fixture->audit,
				     .reader_path = fixture->reader,
				     .now_unix = fixture_now,
				     .clock_context = &fixture->now};
	enum bl_status status;

	FIRED(status = gate_new(&config, &fixture->gate, NULL));
	if (status != BL_OK && status != BL_NO_MEMORY)
		sweep_fail("gate: %s", bl_status_name(status));
	return status == BL_OK;
}

static void run(void *context)
{
	struct bench *bench = context;
	struct fixture *fixture = &bench->fixture;

	fixture_bare(fixture);
	fixture->image = bench->image;
	assert_true(find_reader(fixture->reader, sizeof(fixture->reader)));
	fixture_enroll(fixture);
	bench->first.count = bench->second.count = 0;
	sweep_armed();
	if (gate_begin(bench)) {
		FIRED(gate_set_policy(fixture->gate, bench->policy));
		ask_all(bench, &bench->first);
		faults_pause();
		if (!bench->has_clean) {
			bench->clean = bench->first;
			bench->has_clean = true;
		}
		check_pass(bench, &bench->first, sweep.at == LONG_MAX ? NULL : HONEST);
		if (audit_is_writable(fixture->audit)) {
			/* Of which the record could not be read stays closed until it is read again. */
			gate_device_changed(fixture->gate, "RMA-1");
			ask_all(bench, &bench->second);
			check_pass(bench, &bench->second, NULL);
			sweep_agree(&bench->first, &bench->second);
		}
	}
	faults_pause();
	fixture_done(fixture);
}

static struct policy *policy_of(int serial, const char *rules)
{
	char text[8192];
	int length = snprintf(text, sizeof(text), POLICY_HEAD, serial);

	snprintf(text + length, sizeof(text) - (size_t)length, "%s", rules);
	return fixture_parse(text);
}

static void sweep_source(bool is_image)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	char line[128];

	if (!bench || sodium_init() < 0)
		abort();
	bench->is_image = is_image;
	bench->policy = policy_of(1, RULES);
	bench->less = policy_of(2, "");
	make_tree(bench);
	make_image(bench);
	sweep.kind = FAULT_KINDS;
	sweep.at = LONG_MAX;

	const struct sweep_plan plan = {is_image ? "image" : "directory", run, bench, 60};

	sweep_all(&plan);
	snprintf(line, sizeof(line), "rm -rf %s", bench->folder);
	assert_int_equal(system(line), 0);
	policy_unref(bench->policy);
	policy_unref(bench->less);
	free(bench);
}

static void an_image_is_shown_rightly_or_not_at_all(void **state)
{
	(void)state;
	if (system("PATH=$PATH:/sbin:/usr/sbin command -v mke2fs >/dev/null 2>&1") != 0)
		skip();
	sweep_source(true);
}

static void a_directory_is_shown_rightly_or_not_at_all(void **state)
{
	(void)state;
	sweep_source(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_shown_rightly_or_not_at_all),
		cmocka_unit_test(a_directory_is_shown_rightly_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
