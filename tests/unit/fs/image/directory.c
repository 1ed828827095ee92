/* directory.c - a directory as an image: links, mounts, special files and changes do not lead out of it */
#include "fs/image/image.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct scene {
	char folder[64];
	int folder_fd; /* holds "root" and "outside" */
	int root_fd;   /* what is the image */
	struct image *image;
	uint64_t root;
};

static void put(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	*state = s;
	strcpy(s->folder, "/tmp/bailee-dir-XXXXXX");
	if (!mkdtemp(s->folder))
		return -1;
	s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(s->folder_fd, "root", 0700) < 0 || mkdirat(s->folder_fd, "outside", 0700) < 0)
		return -1;
	put(s->folder_fd, "outside/secret", "secret");
	s->root_fd = openat(s->folder_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (image_open(s->root_fd, IMAGE_DIRECTORY, NULL, &s->image, NULL) != BL_OK)
		return -1;
	s->root = image_volume(s->image, 0)->root;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	image_close(s->image);
	close(s->root_fd);
	close(s->folder_fd);
	int removed = nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
	return removed;
}

struct search {
	const char *name;
	size_t count;
	uint64_t inode; /* 0: not there */
	struct image_attr attr;
};

static bool search_entry(void *context, const struct image_entry *entry)
{
	struct search *search = context;

	search->count++;
	if (strcmp(entry->name, search->name) != 0)
		return true;
	assert_int_equal(strlen(search->name), entry->length);
	assert_true(entry->has_attr);
	search->inode = entry->inode;
	search->attr = entry->attr;
	return true;
}

static uint64_t look_up(struct scene *s, uint64_t directory, const char *name)
{
	struct search search = {.name = name};

	assert_int_equal(image_list(s->image, 0, directory, search_entry, &search, NULL), BL_OK);
	return search.inode;
}

static enum bl_status read_all(struct scene *s, uint64_t inode, char *out, size_t size)
{
	BL_CLEANUP(image_file_close) struct image_file *file = NULL;
	size_t got = 0;
	enum bl_status status = image_file_open(s->image, 0, inode, &file, NULL);

	if (status == BL_OK)
		status = image_file_read(file, 0, (uint8_t *)out, size - 1, &got, NULL);
	out[status == BL_OK ? got : 0] = '\0';
	return status;
}

static void files_are_listed_and_read(void **state)
{
	struct scene *s = *state;
	struct search search = {.name = "note"};
	struct image_attr attr;
	char text[64];

	put(s->root_fd, "note", "hello");
	assert_int_equal(mkdirat(s->root_fd, "sub", 0750), 0);
	put(s->root_fd, "sub/deep", "below");
	assert_string_equal(image_volume(s->image, 0)->name, "");
	assert_int_equal(image_volume_count(s->image), 1);
	assert_int_equal(image_list(s->image, 0, s->root, search_entry, &search, NULL), BL_OK);
	assert_int_equal(search.count, 2);
	assert_int_equal(search.attr.type, IMAGE_FILE);
	assert_int_equal(search.attr.size_bytes, 5);
	assert_int_equal(read_all(s, search.inode, text, sizeof(text)), BL_OK);
	assert_string_equal(text, "hello");
	uint64_t sub = look_up(s, s->root, "sub");
	assert_int_equal(image_stat(s->image, 0, sub, &attr, NULL), BL_OK);
	assert_int_equal(attr.type, IMAGE_DIR);
	assert_int_equal(attr.mode, S_IFDIR | 0750);
	assert_int_equal(read_all(s, look_up(s, sub, "deep"), text, sizeof(text)), BL_OK);
	assert_string_equal(text, "below");
	assert_int_equal(read_all(s, sub, text, sizeof(text)), BL_INVALID);
	assert_int_equal(image_list(s->image, 0, search.inode, search_entry, &search, NULL),
			 BL_NOT_FOUND);
}

static void inodes_stay_the_same_from_list_to_list(void **state)
{
	struct scene *s = *state;
	char name[32];

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put(s->root_fd, name, name);
	}
	uint64_t first = look_up(s, s->root, "f7"), last = look_up(s, s->root, "f599");
	assert_int_not_equal(first, last);
	assert_int_equal(look_up(s, s->root, "f7"), first);
	assert_int_equal(look_up(s, s->root, "f599"), last);
	char text[64];
	assert_int_equal(read_all(s, last, text, sizeof(text)), BL_OK);
	assert_string_equal(text, "f599");
}

static void unknown_inodes_are_not_found(void **state)
{
	static const uint64_t INODES[] = {0, 2, 3, UINT32_MAX, UINT64_MAX};
	struct scene *s = *state;
	struct image_attr attr;

	for (size_t i = 0; i < BL_COUNT(INODES); i++)
		if (image_stat(s->image, 0, INODES[i], &attr, NULL) != BL_NOT_FOUND)
			fail_msg("row %zu", i);
}

static void links_are_told_and_never_followed(void **state)
{
	static const char *const TARGETS[] = {"../outside/secret", "../outside", "/etc/passwd",
					      "/proc/self/root", "sub/file"};
	struct scene *s = *state;
	char name[32], text[64], target[64];

	assert_int_equal(mkdirat(s->root_fd, "sub", 0700), 0);
	put(s->root_fd, "sub/file", "inside");
	for (size_t i = 0; i < BL_COUNT(TARGETS); i++) {
		struct search search = {.name = name};
		struct image_attr attr;

		snprintf(name, sizeof(name), "link%zu", i);
		assert_int_equal(symlinkat(TARGETS[i], s->root_fd, name), 0);
		uint64_t inode = look_up(s, s->root, name);
		assert_int_equal(image_stat(s->image, 0, inode, &attr, NULL), BL_OK);
		assert_int_equal(attr.type, IMAGE_LINK);
		assert_int_equal(image_readlink(s->image, 0, inode, target, sizeof(target), NULL),
				 BL_OK);
		assert_string_equal(target, TARGETS[i]);
		assert_int_equal(read_all(s, inode, text, sizeof(text)), BL_INVALID);
		assert_int_not_equal(image_list(s->image, 0, inode, search_entry, &search, NULL),
				     BL_OK);
		assert_int_equal(
			image_readlink(s->image, 0, inode, target, strlen(TARGETS[i]), NULL),
			BL_TOO_LARGE);
	}
	uint64_t file = look_up(s, look_up(s, s->root, "sub"), "file");
	assert_int_equal(image_readlink(s->image, 0, file, target, sizeof(target), NULL),
			 BL_INVALID);
}

static void directory_replaced_by_a_link_leads_nowhere(void **state)
{
	struct scene *s = *state;
	struct image_attr attr;
	char text[64];

	assert_int_equal(mkdirat(s->root_fd, "sub", 0700), 0);
	put(s->root_fd, "sub/secret", "ours");
	uint64_t sub = look_up(s, s->root, "sub");
	uint64_t file = look_up(s, sub, "secret");
	assert_int_equal(renameat(s->root_fd, "sub", s->root_fd, "moved"), 0);
	assert_int_equal(symlinkat("../outside", s->root_fd, "sub"), 0);
	assert_int_equal(read_all(s, file, text, sizeof(text)), BL_NOT_FOUND);
	assert_int_equal(image_stat(s->image, 0, file, &attr, NULL), BL_NOT_FOUND);
	struct search search = {.name = "secret"};
	assert_int_equal(image_list(s->image, 0, sub, search_entry, &search, NULL), BL_NOT_FOUND);
	assert_int_equal(search.count, 0);
	/* and the same link within the root */
	assert_int_equal(unlinkat(s->root_fd, "sub", 0), 0);
	assert_int_equal(symlinkat("moved", s->root_fd, "sub"), 0);
	assert_int_equal(read_all(s, file, text, sizeof(text)), BL_NOT_FOUND);
}

static void open_file_survives_a_rename(void **state)
{
	struct scene *s = *state;
	struct image_file *file = NULL;
	uint8_t out[16];
	size_t got = 0;

	put(s->root_fd, "a", "hello");
	assert_int_equal(image_file_open(s->image, 0, look_up(s, s->root, "a"), &file, NULL),
			 BL_OK);
	assert_int_equal(renameat(s->root_fd, "a", s->root_fd, "b"), 0);
	assert_int_equal(image_file_read(file, 1, out, sizeof(out), &got, NULL), BL_OK);
	assert_int_equal(got, 4);
	assert_memory_equal(out, "ello", 4);
	image_file_close(file);
}

static void changed_file_is_stale(void **state)
{
	enum change { GROW, SHRINK, TOUCH };
	static const enum change ROWS[] = {GROW, SHRINK, TOUCH};
	static const struct timespec EARLIER[2] = {{1000, 0}, {1000, 0}},
				     NOW[2] = {{2000, 0}, {2000, 0}};
	struct scene *s = *state;

	for (size_t i = 0; i < BL_COUNT(ROWS); i++) {
		struct image_file *file = NULL;
		uint8_t out[16];
		size_t got = 0;

		put(s->root_fd, "a", "hello");
		assert_int_equal(utimensat(s->root_fd, "a", EARLIER, 0), 0);
		assert_int_equal(
			image_file_open(s->image, 0, look_up(s, s->root, "a"), &file, NULL), BL_OK);
		assert_int_equal(image_file_read(file, 0, out, sizeof(out), &got, NULL), BL_OK);
		put(s->root_fd, "a",
		    ROWS[i] == GROW	? "longer one"
		    : ROWS[i] == SHRINK ? "no"
					: "HELLO");
		assert_int_equal(utimensat(s->root_fd, "a", ROWS[i] == TOUCH ? NOW : EARLIER, 0),
				 0);
		memset(out, 1, sizeof(out));
		if (image_file_read(file, 0, out, sizeof(out), &got, NULL) != BL_STALE)
			fail_msg("row %zu", i);
		assert_int_equal(out[0], 0); /* nothing of the new contents */
		image_file_close(file);
	}
}

static void special_files_are_listed_and_never_opened(void **state)
{
	struct scene *s = *state;
	struct image_file *file = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *names[] = {"fifo", "socket", "device"};
	size_t count = 2;

	assert_int_equal(mkfifoat(s->root_fd, "fifo", 0600), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/root/socket", s->folder);
	int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(socket_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(socket_fd);
	if (mknodat(s->root_fd, "device", S_IFCHR | 0600, makedev(1, 3)) == 0)
		count = 3; /* root only */
	for (size_t i = 0; i < count; i++) {
		struct search search = {.name = names[i]};

		assert_int_equal(image_list(s->image, 0, s->root, search_entry, &search, NULL),
				 BL_OK);
		assert_int_equal(search.attr.type, IMAGE_OTHER);
		/* a FIFO that was opened would block here for ever */
		if (image_file_open(s->image, 0, search.inode, &file, NULL) != BL_INVALID)
			fail_msg("%s", names[i]);
	}
}

static void odd_names_are_given_as_they_are(void **state)
{
	static const char *const NAMES[] = {
		"new\nline", "tab\there", "\x1b[31mred", "bad\xff\xfeutf8",
		"\xc3\x28",  "...",	  ".hidden",	 " ",
		"-rf",	     "\x7f",	  "caf\xc3\xa9"};
	struct scene *s = *state;
	char longest[256], text[64];

	memset(longest, 'x', 255);
	longest[255] = '\0';
	put(s->root_fd, longest, "long");
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		put(s->root_fd, NAMES[i], NAMES[i]);
	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		uint64_t inode = look_up(s, s->root, NAMES[i]);

		if (!inode || read_all(s, inode, text, sizeof(text)) != BL_OK ||
		    strcmp(text, NAMES[i]) != 0)
			fail_msg("row %zu", i);
	}
	assert_int_equal(read_all(s, look_up(s, s->root, longest), text, sizeof(text)), BL_OK);
	assert_string_equal(text, "long");
}

static void tree_deeper_than_a_path_is_walked_to_its_end(void **state)
{
	struct scene *s = *state;
	char name[201], text[64];
	uint64_t inode = s->root;
	int at = dup(s->root_fd);

	memset(name, 'd', 200);
	name[200] = '\0';
	/* 60 levels of 200 bytes are three times PATH_MAX */
	for (int i = 0; i < 60; i++) {
		assert_int_equal(mkdirat(at, name, 0700), 0);
		int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	put(at, "bottom", "found");
	for (int i = 0; i < 60; i++)
		inode = look_up(s, inode, name);
	assert_int_equal(read_all(s, look_up(s, inode, "bottom"), text, sizeof(text)), BL_OK);
	assert_string_equal(text, "found");
	/* nftw would need paths too long for it */
	assert_int_equal(unlinkat(at, "bottom", 0), 0);
	for (int i = 0; i < 60; i++) {
		int up = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(unlinkat(up, name, AT_REMOVEDIR), 0);
		close(at);
		at = up;
	}
	close(at);
}

static void hard_links_are_both_there(void **state)
{
	struct scene *s = *state;
	struct search search = {.name = "two"};
	char text[64];

	put(s->root_fd, "one", "same");
	assert_int_equal(linkat(s->root_fd, "one", s->root_fd, "two", 0), 0);
	assert_int_equal(image_list(s->image, 0, s->root, search_entry, &search, NULL), BL_OK);
	assert_int_equal(search.attr.nlink, 2);
	assert_int_equal(read_all(s, search.inode, text, sizeof(text)), BL_OK);
	assert_string_equal(text, "same");
}

static void what_is_no_directory_is_refused(void **state)
{
	struct scene *s = *state;
	struct image *image = NULL;

	put(s->root_fd, "file", "x");
	int fd = openat(s->root_fd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_open(fd, IMAGE_DIRECTORY, NULL, &image, NULL), BL_INVALID);
	close(fd);
	fd = openat(s->root_fd, ".", O_PATH | O_CLOEXEC);
	assert_int_equal(image_open(fd, IMAGE_DIRECTORY, NULL, &image, NULL), BL_OK);
	close(fd);
	struct search search = {.name = "file"};
	assert_int_equal(
		image_list(image, 0, image_volume(image, 0)->root, search_entry, &search, NULL),
		BL_OK);
	assert_int_equal(search.count, 1);
	image_close(image);
}

/* In a child with a mount namespace of its own, so that nothing stays mounted whatever happens. */
static int mount_inside(struct scene *s)
{
	char path[128];
	struct image_attr attr;
	struct search search = {.name = "m"}, before = {.name = "m"};

	if (image_list(s->image, 0, s->root, search_entry, &before, NULL) != BL_OK || !before.inode)
		return 1;
	/* a bind of the same filesystem has the same device number: only the mount id tells */
	snprintf(path, sizeof(path), "%s/root/m", s->folder);
	char outside[128];
	snprintf(outside, sizeof(outside), "%s/outside", s->folder);
	if (mount(outside, path, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (image_list(s->image, 0, s->root, search_entry, &search, NULL) != BL_OK || search.inode)
		return 2;
	if (image_stat(s->image, 0, before.inode, &attr, NULL) != BL_NOT_FOUND)
		return 3;
	if (image_list(s->image, 0, before.inode, search_entry, &search, NULL) != BL_NOT_FOUND)
		return 4;
	return 0;
}

static void mount_inside_is_not_part_of_the_image(void **state)
{
	struct scene *s = *state;
	int status = 0;

	assert_int_equal(mkdirat(s->root_fd, "m", 0700), 0);
	/* the descriptor must be of the child's namespace, so that the image sees the child's mounts */
	pid_t pid = fork();
	if (pid == 0) {
		char path[128];
		int code = 5;

		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		snprintf(path, sizeof(path), "%s/root", s->folder);
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct image *parents = s->image;
		if (image_open(fd, IMAGE_DIRECTORY, NULL, &s->image, NULL) == BL_OK) {
			code = mount_inside(s);
			image_close(s->image);
		}
		s->image = parents;
		_exit(code);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool no_range(void *context, const struct image_range *range)
{
	(void)context;
	(void)range;
	fail_msg("something was told");
	return false;
}

static void directory_does_not_tell_where_files_lie(void **state)
{
	struct scene *s = *state;
	uint64_t root = image_volume(s->image, 0)->root;

	assert_int_equal(image_places(s->image, 0, root, no_range, NULL, NULL), BL_UNSUPPORTED);
	assert_int_equal(image_used(s->image, 0, no_range, NULL, NULL), BL_UNSUPPORTED);
	assert_int_equal(image_used(s->image, 1, no_range, NULL, NULL), BL_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_listed_and_read),
		TEST(inodes_stay_the_same_from_list_to_list),
		TEST(unknown_inodes_are_not_found),
		TEST(links_are_told_and_never_followed),
		TEST(directory_replaced_by_a_link_leads_nowhere),
		TEST(open_file_survives_a_rename),
		TEST(changed_file_is_stale),
		TEST(special_files_are_listed_and_never_opened),
		TEST(odd_names_are_given_as_they_are),
		TEST(tree_deeper_than_a_path_is_walked_to_its_end),
		TEST(hard_links_are_both_there),
		TEST(what_is_no_directory_is_refused),
		TEST(mount_inside_is_not_part_of_the_image),
		TEST(directory_does_not_tell_where_files_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
