/* Bailee's one program: a table of commands. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cli/cli.h"

static const struct command COMMANDS[] = {
	{"init", cmd_init, "[--auditor PUBLIC-KEY]... [--kit FILE]",
	 "make a store, and the kit that lets an auditor prove its log"},
	{"auditor", cmd_auditor, "keygen FILE", "keys of those who may read names in the log"},
	{"serve", cmd_serve, "[--store DIR] [--policy FILE] [--anchor TARGET]...",
	 "own a store and serve views of its devices (root)"},
	{"mount", cmd_mount,
	 "[-f] [-o OPTIONS] [--policy FILE] [--store DIR] SOURCE[=ID]... MOUNTPOINT",
	 "see an image masked, in one command, without a service"},
	{"umount", cmd_umount, "MOUNTPOINT", "end what mount began"},
	{"enroll", cmd_enroll,
	 "SOURCE --device ID --kind KIND [--record FILE] [--destroy-when-due]",
	 "make a device known where its image lies"},
	{"intake", cmd_intake, "IMAGE|BLOCK-DEVICE|- --device ID --kind KIND [--destroy-source]",
	 "take a device's image in, sealed while it is read, with a signed receipt"},
	{"view", cmd_view, "[--purpose P] [--reason TEXT] ID [-- VIEWER ARGUMENTS...]",
	 "look at a device, masked, in a sealed place that nothing leaves"},
	{"sessions", cmd_sessions, "[end N]", "who looks at what in sealed places now; end one"},
	{"open", cmd_open, "[--purpose P] [--reason TEXT] [--for LOGIN|uid:N] MOUNTPOINT",
	 "see what you may see, on a mount of your own"},
	{"close", cmd_close, "MOUNTPOINT | --view N", "end a view"},
	{"status", cmd_status, "[--metrics FILE]",
	 "one screen: what is there, what is due, what waits for somebody"},
	{"device", cmd_device, "list|show|note|move|open|close|edit|restock ...",
	 "devices: where they are, what happened to them"},
	{"receipt", cmd_receipt, "ID [--signed SCAN]", "what both sign when a device is handed in"},
	{"report", cmd_report, "device ID --for customer|auditor [--html FILE] [--lang en|de]",
	 "what happened to a device, for its customer or an auditor"},
	{"may", cmd_may, "[--purpose P]", "what may I do here, now, and until when"},
	{"why", cmd_why, "PATH...|EVENT",
	 "why was I refused, by which rule, and what is the next step"},
	{"consent", cmd_consent, "ID grant|withdraw PURPOSE", "record what the customer agreed to"},
	{"caller", cmd_caller, "ID verified --by one-factor|two-factor --ticket T",
	 "record that the caller is who they say"},
	{"customer-request", cmd_customer_request,
	 "erase|disclose|return ID --verified --ticket T | done|refuse ID/N | list",
	 "what a customer asked for, with its own clock"},
	{"incident", cmd_incident, "open|note|close|list|show|letter ...",
	 "something went wrong: deadline, who saw what, letter"},
	{"request", cmd_request, "read|copy|unmask|shred|... ID [PATH] --reason TEXT",
	 "ask for what needs approvals"},
	{"requests", cmd_requests, "", "what is asked for, by you and of you"},
	{"approve", cmd_approve, "DEVICE/NUMBER", "agree to a request of somebody else"},
	{"refuse", cmd_refuse, "DEVICE/NUMBER", "refuse one"},
	{"people", cmd_people, "", "who holds which role, until when"},
	{"reload", cmd_reload, "", "load the service's policy file again"},
	{"policy", cmd_policy, "check|test|explain|load FILE ...", "check, try and load a policy"},
	{"log", cmd_log, "verify|query|follow|report|export|ship|unlatch ...",
	 "prove the log whole; ask it who saw what; report it"},
	{"top", cmd_top, "[--device ID] [--once] [--reason TEXT]",
	 "who is doing what right now, on a screen"},
	{"retention", cmd_retention, "plan [--policy FILE]",
	 "when is what destroyed, why then, what an edit would move"},
	{"hold", cmd_hold, "add|release|review ID --reason TEXT [--hold N]",
	 "stop the destruction of a device, or let it go on"},
	{"shred", cmd_shred, "--due | ID [--path PATTERN]... --reason T",
	 "destroy what is due, a device early, or files in it"},
	{"verify-sample", cmd_verify_sample, "[--percent N] [--period YYYY-MM]",
	 "look again at some of what others destroyed"},
	{"scan", cmd_scan, "ID|./SOURCE [--paths]",
	 "what personal data is on a device: counts, never values"},
	{"inspect", cmd_inspect, "IMAGE|BLOCK-DEVICE [--device ID]",
	 "is a medium empty before it goes back to stock?"},
	{"certificate", cmd_certificate, "show ID | verify FILE --key KEY",
	 "the proof of a destruction, or of an intake"},
	{"doctor", cmd_doctor, "", "is this store, and this machine, fit to keep secrets?"},
};

static void print_help(FILE *out)
{
	fprintf(out, "bailee " BAILEE_VERSION
		     ": look at returned devices without seeing their owners' lives\n\n");
	for (size_t i = 0; i < BL_COUNT(COMMANDS); i++)
		fprintf(out, "  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
	fprintf(out, "\nEvery command takes --store DIR, --json and --help. Begin with: bailee "
		     "mount IMAGE DIR\n"
		     "Exit codes: 0 ok, 1 failed, 2 invalid, 3 forbidden, 4 ask, 10 not mounted, "
		     "11 locked,\n"
		     "            12 log broken, 13 not verified. More: man bailee\n");
}

/* An answer that did not arrive (its disk is full) is none. */
static int told(const char *command, int code)
{
	struct bl_error why = {{0}};

	errno = EIO;
	if (code != 0 || (fflush(stdout) == 0 && !ferror(stdout)))
		return code;

	enum bl_status status = bl_fail_errno(&why, BL_IO, "cannot write the answer");

	return cli_fail(&(struct invocation){.command = command}, status, &why);
}

/* "mount.bailee", "mount.fuse.bailee": the names that mount(8) looks for */
static bool is_mount_helper(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return path && strncmp(slash ? slash + 1 : path, "mount.", 6) == 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	if (is_mount_helper(argv[0]))
		return told("mount", cmd_mount_helper(argc, argv));

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return argc > 1 ? 0 : 2;
	}
	if (strcmp(name, "--version") == 0) {
		printf("bailee " BAILEE_VERSION "\n");
		return 0;
	}
	for (size_t i = 0; i < BL_COUNT(COMMANDS); i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			return told(name, COMMANDS[i].run(argc - 1, argv + 1));

	struct bl_error why = {{0}};

	bl_fail(&why, BL_INVALID, "no command '%.60s' (bailee --help lists them)", name);
	return cli_fail(&(struct invocation){.command = "bailee"}, BL_INVALID, &why);
}
