/* Whose terminal, and which /proc: what is crafted to look hidden is not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/session/private.h"

#define ROOT_LINE "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define PROC(id, parent, point, options)                                                           \
	id " " parent " 0:5 / " point                                                              \
	   " rw,nosuid,nodev,noexec,relatime shared:5 - proc proc " options "\n"
#define HIDDEN "rw,hidepid=invisible"

static bool hides(const char *text, size_t length)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, length, "r");

	assert_non_null(file);

	bool is_hiding = sight_mounts_hide(file);

	fclose(file);
	return is_hiding;
}

static void mounts_hide_or_do_not(void **state)
{
	static const struct {
		const char *name, *text;
		bool is_hiding;
	} ROWS[] = {
		{"invisible", ROOT_LINE PROC("22", "21", "/proc", HIDDEN), true},
		{"ptraceable", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=ptraceable"), true},
		{"2", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=2"), true},
		{"4", ROOT_LINE PROC("22", "21", "/proc", "ro,hidepid=4"), true},
		{"no tags",
		 ROOT_LINE "22 21 0:5 / /proc rw - proc proc rw,hidepid=invisible,subset=pid\n",
		 true},
		{"several tags",
		 ROOT_LINE "22 21 0:5 / /proc rw shared:1 master:2 - proc proc " HIDDEN "\n", true},
		{"empty source", ROOT_LINE "22 21 0:5 / /proc rw - proc  " HIDDEN "\n", true},
		{"none", ROOT_LINE PROC("22", "21", "/proc", "rw"), false},
		{"off", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=off"), false},
		{"noaccess", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=noaccess"), false},
		{"1", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=1"), false},
		{"22", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=22"), false},
		{"longer word", ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=invisibles"),
		 false},
		{"longer name", ROOT_LINE PROC("22", "21", "/proc", "rw,xhidepid=2"), false},
		{"in a mount's own options",
		 ROOT_LINE "22 21 0:5 / /proc rw,hidepid=2 - proc proc rw\n", false},
		{"as a source", ROOT_LINE "22 21 0:5 / /proc rw - proc hidepid=2 rw\n", false},
		{"turned off behind",
		 ROOT_LINE PROC("22", "21", "/proc", "rw,hidepid=2,hidepid=off"), false},
		{"a group", ROOT_LINE PROC("22", "21", "/proc", HIDDEN ",gid=4"), false},
		{"root's group", ROOT_LINE PROC("22", "21", "/proc", "rw,gid=0,hidepid=2"), false},
		{"a second one shows",
		 ROOT_LINE PROC("22", "21", "/proc", HIDDEN) PROC("23", "21", "/mnt/proc", "rw"),
		 false},
		{"a second one hides",
		 ROOT_LINE PROC("22", "21", "/proc", HIDDEN) PROC("23", "21", "/mnt/proc", HIDDEN),
		 true},
		{"covered by one that hides",
		 ROOT_LINE PROC("22", "21", "/proc", "rw") PROC("23", "22", "/proc", HIDDEN), true},
		{"covered by one that shows",
		 ROOT_LINE PROC("22", "21", "/proc", HIDDEN) PROC("23", "22", "/proc", "rw"),
		 false},
		{"in the other order",
		 ROOT_LINE PROC("23", "22", "/proc", HIDDEN) PROC("22", "21", "/proc", "rw"), true},
		{"covered by something else",
		 ROOT_LINE PROC("22", "21", "/proc", "rw") "23 22 0:9 / /proc rw - tmpfs none rw\n",
		 false},
		{"covered, another one hides",
		 ROOT_LINE PROC("22", "21", "/proc",
				"rw") "23 22 0:9 / /proc rw - tmpfs none rw\n" PROC("24", "21",
										    "/p", HIDDEN),
		 true},
		{"below a folder that is covered",
		 ROOT_LINE PROC("22", "21", "/a/proc",
				"rw") "23 21 0:9 / /a rw - tmpfs none rw\n" PROC("24", "21",
										 "/proc", HIDDEN),
		 false},
		{"on a folder in it",
		 ROOT_LINE PROC("22", "21", "/proc", "rw") PROC("23", "22", "/proc/1", HIDDEN),
		 false},
		{"its own parent", ROOT_LINE PROC("22", "22", "/proc", "rw"), false},
		{"same point, other parent",
		 ROOT_LINE PROC("22", "21", "/proc", "rw") PROC("23", "21", "/proc", HIDDEN),
		 false},
		{"a part of it, bound",
		 ROOT_LINE PROC("22", "21", "/proc",
				HIDDEN) "23 21 0:5 /1 /mnt rw - proc proc rw\n",
		 false},
		{"octal in a name",
		 ROOT_LINE PROC("22", "21", "/proc", HIDDEN)
			 PROC("23", "21", "/a\\040-\\040tmpfs", "rw"),
		 false},
		{"octal names that differ",
		 ROOT_LINE PROC("22", "21", "/a\\040b", "rw") PROC("23", "22", "/a\\011b", HIDDEN),
		 false},
		{"'- proc' as names",
		 ROOT_LINE PROC("22", "21", "/proc",
				HIDDEN) "23 21 0:9 /-\\040proc /-\\040proc rw - tmpfs "
					"proc rw\n",
		 true},
		{"a dash as a point", ROOT_LINE "22 21 0:5 / - rw - proc proc " HIDDEN "\n", false},
		{"a dash as a root", ROOT_LINE "22 21 0:5 - /proc rw - proc proc rw\n", false},
		{"type of another name",
		 ROOT_LINE "22 21 0:5 / /proc rw - fuse.proc proc " HIDDEN "\n", false},
		{"no proc", ROOT_LINE, false},
		{"nothing", "\n", false},
		{"no end of line", ROOT_LINE "22 21 0:5 / /proc rw - proc proc " HIDDEN, false},
		{"a field too many", ROOT_LINE "22 21 0:5 / /proc rw - proc proc " HIDDEN " more\n",
		 false},
		{"a field less", ROOT_LINE "22 21 0:5 / /proc rw - proc " HIDDEN "\n", false},
		{"no dash", ROOT_LINE "22 21 0:5 / /proc rw proc proc " HIDDEN "\n", false},
		{"space in front", ROOT_LINE " 22 21 0:5 / /proc rw - proc proc " HIDDEN "\n",
		 false},
		{"a space too many", ROOT_LINE "22 21 0:5 / /proc  rw - proc proc " HIDDEN "\n",
		 false},
		{"a number that is none",
		 ROOT_LINE "22x 21 0:5 / /proc rw - proc proc " HIDDEN "\n", false},
		{"a number with a sign", ROOT_LINE "-22 21 0:5 / /proc rw - proc proc " HIDDEN "\n",
		 false},
		{"a junk line", ROOT_LINE PROC("22", "21", "/proc", HIDDEN) "junk\n", false},
	};

	(void)state;
	for (size_t i = 0; i < BL_COUNT(ROWS); i++)
		if (hides(ROWS[i].text, strlen(ROWS[i].text)) != ROWS[i].is_hiding)
			fail_msg("%s: %s", ROWS[i].name, ROWS[i].is_hiding ? "seen" : "hidden");
}

static void nul_and_endless_lines_hide_nothing(void **state)
{
	static const char WITH_NUL[] = PROC("22", "21", "/proc", HIDDEN) "23\0 21\n";
	static char endless[128 << 10];

	(void)state;
	assert_false(hides(WITH_NUL, sizeof(WITH_NUL) - 1));
	memset(endless, 'a', sizeof(endless));
	memcpy(endless, PROC("22", "21", "/proc", HIDDEN),
	       strlen(PROC("22", "21", "/proc", HIDDEN)));
	endless[sizeof(endless) - 1] = '\n';
	assert_false(hides(endless, sizeof(endless)));
}

static void who_is_not_there_hides_nothing(void **state)
{
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(sight_hides(child));
	assert_false(sight_hides(-1));
}

/* In a mount namespace of its own: /proc hides, and then another one does not. */
static _Noreturn void be_hidden(int in, int out)
{
	char step;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2"))
		_exit(77);
	(void)!write(out, "h", 1);
	(void)!read(in, &step, 1);
	if (mount("proc", "/mnt", "proc", 0, NULL))
		_exit(77);
	(void)!write(out, "s", 1);
	(void)!read(in, &step, 1);
	_exit(0);
}

static void process_is_asked_for_its_own_sight(void **state)
{
	int to[2], from[2];
	char step = 0;

	(void)state;
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);

	pid_t child = fork();

	if (child == 0)
		be_hidden(to[0], from[1]);
	fd_close(to[0]);
	fd_close(from[1]);

	bool is_there = read(from[0], &step, 1) == 1;
	bool is_hidden = is_there && sight_hides(child);
	bool is_shown = is_there && write(to[1], "", 1) == 1 && read(from[0], &step, 1) == 1;
	bool is_still_hidden = is_shown && sight_hides(child);

	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	fd_close(to[1]);
	fd_close(from[0]);
	if (!is_there || !is_shown)
		skip(); /* no mounts for us here */
	assert_true(is_hidden);
	assert_false(is_still_hidden);
}

static enum bl_status look(int input, int output, uid_t uid)
{
	struct bl_error why = {{0}};
	enum bl_status status = sight_is_terminal(input, output, uid, &why);

	assert_true(status == BL_OK || (status == BL_INVALID && *why.text));
	assert_null(strchr(why.text, '\n'));
	return status;
}

static void terminal_is_one_and_its_own_persons(void **state)
{
	int master, slave, other_master, other_slave, pipes[2];
	char name[64];

	(void)state;
	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	assert_int_equal(openpty(&other_master, &other_slave, NULL, NULL, NULL), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);

	BL_CLEANUP(fd_close) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	BL_CLEANUP(fd_close) int again = open(name, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	BL_CLEANUP(fd_close) int path = open(name, O_PATH | O_CLOEXEC);
	uid_t me = geteuid();

	assert_int_equal(look(slave, slave, me), BL_OK);
	assert_int_equal(look(slave, again, me), BL_OK);
	assert_int_equal(look(slave, slave, me + 1), BL_INVALID);
	assert_int_equal(look(slave, other_slave, me), BL_INVALID);
	assert_int_equal(look(pipes[0], pipes[1], me), BL_INVALID);
	assert_int_equal(look(slave, pipes[1], me), BL_INVALID);
	assert_int_equal(look(pipes[0], slave, me), BL_INVALID);
	assert_int_equal(look(null, null, me), BL_INVALID);
	assert_int_equal(look(path, path, me), BL_INVALID);
	/* Whoever holds a master reads what a terminal shows. */
	assert_int_equal(look(master, master, me), BL_INVALID);
	assert_int_equal(look(-1, -1, me), BL_INVALID);
	if (me == 0) {
		assert_int_equal(fchown(slave, 4711, (gid_t)-1), 0);
		assert_int_equal(look(slave, slave, 0), BL_INVALID);
		assert_int_equal(look(slave, again, 4711), BL_OK);
	}
	fd_close(master);
	assert_int_equal(look(slave, slave, me), BL_INVALID); /* hung up */
	fd_close(slave);
	fd_close(other_master);
	fd_close(other_slave);
	fd_close(pipes[0]);
	fd_close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_hide_or_do_not),
		cmocka_unit_test(nul_and_endless_lines_hide_nothing),
		cmocka_unit_test(who_is_not_there_hides_nothing),
		cmocka_unit_test(process_is_asked_for_its_own_sight),
		cmocka_unit_test(terminal_is_one_and_its_own_persons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
