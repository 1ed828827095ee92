/* cli.h - what the commands share: the table's row, common options, one-line errors, asking the daemon */
#ifndef FS_CLI_CLI_H
#define FS_CLI_CLI_H

#include <getopt.h>
#include <jansson.h>

#include "fs/daemon/daemon.h"
#include "policy/base.h"

/* One command; argv[0] is its own name. Returns the exit code (bl_status_exit). */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;   /* behind "bailee NAME " */
	const char *summary; /* one line, a claim: what one can do with it */
};

int cmd_serve(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_mount_helper(int argc, char **argv); /* mount.bailee, of mount(8) */
int cmd_umount(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_intake(int argc, char **argv);
int cmd_view(int argc, char **argv);
int cmd_sessions(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_close(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_why(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_hold(int argc, char **argv);
int cmd_consent(int argc, char **argv);
int cmd_caller(int argc, char **argv);
int cmd_request(int argc, char **argv);
int cmd_requests(int argc, char **argv);
int cmd_approve(int argc, char **argv);
int cmd_refuse(int argc, char **argv);
int cmd_people(int argc, char **argv);
int cmd_may(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_shred(int argc, char **argv);
int cmd_certificate(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_auditor(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_receipt(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_incident(int argc, char **argv);
int cmd_customer_request(int argc, char **argv);
int cmd_retention(int argc, char **argv);
int cmd_verify_sample(int argc, char **argv);
int cmd_scan(int argc, char **argv);
int cmd_inspect(int argc, char **argv);

/*
 * One option of a command: a name, and where its text goes (or what it sets). Commands list theirs; --store, --json and
 * --help come with every command.
 */
#define CLI_LIST_LIMIT 32 /* times that one option may be given */
struct text_list {
	const char *items[CLI_LIST_LIMIT];
	size_t count;
};
struct option_row {
	const char *name;
	char letter;		/* "-f"; 0: it has a name only */
	const char **text;	/* takes an argument, kept here: the last one counts */
	bool *flag;		/* takes none */
	struct text_list *list; /* takes an argument, any number of times */
};

struct invocation {
	const char *command; /* for messages: "policy check" */
	const char *usage;   /* shown with --help and a wrong use */
	const char *store;   /* --store, or the default */
	bool wants_json;
	char **arguments; /* what is not an option */
	int argument_count;
	char store_room[4096];
};

/*
 * cli_parse - options into their places; anything unknown is told with the usage
 *
 * @rows     the command's own options, @count of them, at most CLI_OPTIONS_LIMIT
 * @least, @most  how many arguments must be left
 *
 * -1: go on. Anything else is the exit code to end with (0 after --help, 2 after a wrong use).
 */
#define CLI_OPTIONS_LIMIT 24
int cli_parse(struct invocation *invocation, int argc, char **argv, const struct option_row *rows,
	      size_t count, int least, int most);

/* "error: command: text" on stderr; gives back the exit code of @status */
int cli_fail(const struct invocation *invocation, enum bl_status status,
	     const struct bl_error *why);
int cli_usage(const struct invocation *invocation,
	      const char *text); /* the same for a wrong use: exit 2 */

/* One request to the daemon of --store; as daemon_call. */
enum bl_status cli_call(const struct invocation *invocation, json_t *request, int pass_fd,
			daemon_partial_fn *partial, void *context, json_t **out_answer,
			struct bl_error *why) BL_MUST_CHECK;

/*
 * cli_ask - one request, and its answer as it is with --json: what most commands do
 *
 * @request  NULL: what was typed is not UTF-8 text
 * -1: go on with *out_answer, in words. Anything else is the exit code to end with.
 */
int cli_ask(const struct invocation *invocation, json_t *request, json_t **out_answer);

/*
 * cli_gather - one request whose answer comes in many parts: what they have under a key, as an array in *out_answer under @list
 *
 * -1: *out_answer is there, also with --json: printing it is the caller's. Anything else is the exit code to end with.
 */
struct cli_part {
	const char *key, *list;
};
int cli_gather(const struct invocation *invocation, json_t *request, const struct cli_part *parts,
	       size_t count, json_t **out_answer);

/* cli_list - "bailee incident list [ID]": what there is of one device, or of all; request @what, told in @part, shown by @print */
int cli_list(struct invocation *invocation, int argc, char **argv, const char *what,
	     const struct cli_part *part, void (*print)(const json_t *list));

/*
 * cli_verb - "bailee device list ...": runs the row that argv[1] names
 *
 * @question  what to say when it names none; --help prints the usage
 */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
};
int cli_verb(const struct invocation *invocation, const struct verb *verbs, size_t count, int argc,
	     char **argv, const char *question);

/* cli_print_in_force - of an answer that names the policy and its serial */
void cli_print_in_force(const json_t *answer);

/* --reason, when one was given; a reason that is no text is left out, and so is none. */
void cli_add_reason(json_t *request, const char *reason);

void cli_print_json(const json_t *value); /* one line on stdout */

/* "RMA-1: its date is ... now (rule)": of an answer that has device, due, retention, held and destroyed */
void cli_print_date(const json_t *answer);

/* Text that came from outside, safe on a terminal: tell_safe on stdout. */
void cli_print_safe(const char *text);
/* A text of many lines: as it is into a file or pipe, each line safe on a terminal. */
void cli_print_lines(const char *text);

/* "RMA-1001/3": what people write for a request or an incident. The device's id may hold anything but a '/' */
bool cli_split(const char *text, char out_device[BL_DEVICE_ID_SIZE], uint64_t *out_number);

/* SHA-256 of a regular file, in hex: of what was signed on paper. BL_INVALID: no such file, none, or an empty one */
#define CLI_DIGEST 65
enum bl_status cli_digest_file(const char *path, char out_hex[CLI_DIGEST],
			       struct bl_error *why) BL_MUST_CHECK;

/* A file of our own, 0600, that was not there before. BL_EXISTS, BL_IO */
enum bl_status cli_write_new(const char *path, const char *text, size_t length,
			     struct bl_error *why) BL_MUST_CHECK;

/* Whole text file of at most @limit bytes ("-" is stdin), NUL-terminated, owned by the caller. */
enum bl_status cli_read_file(const char *path, size_t limit, char **out_text, size_t *out_length,
			     struct bl_error *why) BL_MUST_CHECK;

/* "uid:N" or a login, as a uid and gid. */
enum bl_status cli_find_uid(const char *name, uid_t *out_uid, gid_t *out_gid,
			    struct bl_error *why) BL_MUST_CHECK;

bool cli_parse_number(const char *text, uint64_t most, uint64_t *out);

static inline const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static inline long long cli_number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

#endif
