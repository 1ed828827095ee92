/* From a file to a policy: limits first, then the tree, then the sections. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/rules/load.h"

/* ---- tree to policy --------------------------------------------------------------------------- */

/* A file of another version gets one finding: the rest of it may mean anything. */
static bool load_version(struct loader *loader, const struct yaml_node *root)
{
	const struct yaml_node *version = yaml_get(root, "bailee");

	if (root->type != YAML_MAP) {
		load_error(loader, load_at(root), "begin it with 'bailee: 1'", "this is no policy");
		return false;
	}
	if (!version || version->type != YAML_SCALAR || strcmp(version->text, "1") == 0)
		return true;
	load_error(loader, load_at(version), "write 'bailee: 1'",
		   "language version '%s' is not understood", LOAD_QUOTE(version->text));
	return false;
}

static void load_policy(struct loader *loader, const struct yaml_node *root)
{
	static const struct load_key KEYS[] = {
		{"bailee", KEY_REQUIRED, "1"},
		{"name", KEY_REQUIRED, "Returns desk"},
		{"serial", KEY_REQUIRED, "1"},
		{"timezone", KEY_REQUIRED, "Europe/Dublin"},
		{"uses", KEY_OPTIONAL, NULL},
		{"people", KEY_REQUIRED, "{anna: {roles: [technician]}}"},
		{"roles", KEY_REQUIRED, "{technician: {}}"},
		{"workplaces", KEY_OPTIONAL, NULL},
		{"detect", KEY_OPTIONAL, NULL},
		{"defaults", KEY_REQUIRED, "{access: forbid, mask: fill, unscanned: withhold}"},
		{"rules", KEY_REQUIRED, "[{id: ..., permit: [list], who: [technician], why: ...}]"},
		{"retention", KEY_OPTIONAL, NULL},
		{"requests", KEY_OPTIONAL, NULL},
		{"consent_withdrawn", KEY_OPTIONAL, NULL},
		{"holds", KEY_OPTIONAL, NULL},
		{"proof", KEY_OPTIONAL, NULL},
		{"sessions", KEY_OPTIONAL, NULL},
		{"audit", KEY_OPTIONAL, NULL},
		{"report", KEY_OPTIONAL, NULL},
		{"test_clock", KEY_OPTIONAL, NULL},
		{"tests", KEY_OPTIONAL, NULL},
	};
	const char *unused;

	if (!load_version(loader, root))
		return;
	(void)load_keys(loader, root, "the policy", KEYS, BL_COUNT(KEYS));
	(void)load_word(loader, yaml_get(root, "bailee"), &unused);
	load_sections(loader, root);
	if (!loader->is_out_of_memory) /* else names are missing, and it is not accepted anyway */
		rules_check(loader->policy, loader->findings);
}

/* ---- text to policy --------------------------------------------------------------------------- */

static bool has_error(const struct rules_findings *findings)
{
	return findings->count && findings->items[0].severity == RULES_ERROR;
}

static enum bl_status refuse(struct rules_findings *findings, struct bl_error *why)
{
	rules_sort_findings(findings);

	const struct rules_finding *first = &findings->items[0];

	if (first->line)
		return bl_fail(why, BL_INVALID, "not a valid policy: line %u, column %u: %s%s%s",
			       first->line, first->column, first->text,
			       first->fix[0] ? "; fix: " : "", first->fix);
	return bl_fail(why, BL_INVALID, "not a valid policy: %s%s%s", first->text,
		       first->fix[0] ? "; fix: " : "", first->fix);
}

static enum bl_status refuse_file(struct rules_findings *findings, struct bl_error *why,
				  const char *text, const char *fix)
{
	rules_find(NULL, findings, RULES_ERROR, (struct position){0}, fix, "%s", text);
	return refuse(findings, why);
}

/* Lines for findings: one copy of the text, cut up. False: more than LINE_LIMIT, or no memory. */
static bool split_lines(struct policy *policy, const char *bytes, size_t length,
			bool *out_has_memory)
{
	size_t count = 1;

	*out_has_memory = true;
	for (size_t i = 0; i < length; i++)
		count += bytes[i] == '\n';
	if (count > LINE_LIMIT)
		return false;

	char *text = arena_copy(policy->arena, bytes, length);

	policy->lines = arena_take(policy->arena, count, sizeof(*policy->lines));
	if (!text || !policy->lines) {
		*out_has_memory = false;
		return false;
	}
	policy->lines[policy->line_count++] = text;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0')
			text[i] =
				'?'; /* refused by yaml_parse; shown like other control characters */
		if (text[i] != '\n')
			continue;
		text[i] = '\0';
		if (i && text[i - 1] == '\r')
			text[i - 1] = '\0';
		policy->lines[policy->line_count++] = text + i + 1;
	}
	return true;
}

static enum bl_status read_tree(struct policy *policy, const char *bytes, size_t length,
				struct rules_findings *findings)
{
	BL_CLEANUP(yaml_free) struct yaml_document *document = NULL;
	struct yaml_finding finding = {0};
	enum bl_status status = yaml_parse(bytes, length, &document, &finding);

	if (status == BL_NO_MEMORY)
		return status;
	if (status != BL_OK) {
		rules_find(policy, findings, RULES_ERROR,
			   (struct position){finding.line, finding.column}, finding.fix, "%s",
			   finding.text);
		return BL_OK;
	}

	BL_CLEANUP(bl_free) struct loader *loader = calloc(1, sizeof(*loader));

	if (!loader)
		return BL_NO_MEMORY;
	loader->policy = policy;
	loader->findings = findings;
	load_policy(loader, yaml_root(document));
	return loader->is_out_of_memory ? BL_NO_MEMORY : BL_OK;
}

/* Too many paths for the automaton is the one thing only seen here. */
static enum bl_status compile(struct policy *policy, struct rules_findings *findings,
			      struct bl_error *why)
{
	struct bl_error compile_why = {{0}};
	enum bl_status status = rules_compile(policy, &compile_why);

	if (status == BL_OK)
		return status;
	if (status == BL_NO_MEMORY)
		return bl_fail(why, status, "no memory for the policy");
	rules_find(policy, findings, RULES_ERROR, policy->rules[0].at, "simplify the path patterns",
		   "%s", compile_why.text[0] ? compile_why.text : "the rules cannot be compiled");
	return refuse(findings, why);
}

enum bl_status rules_parse(const char *bytes, size_t length, struct policy **out_policy,
			   struct rules_findings *out_findings, struct bl_error *why)
{
	bool has_memory;

	memset(out_findings, 0, sizeof(*out_findings));
	if (sodium_init() < 0)
		return bl_fail(why, BL_FAILED, "cannot start libsodium");
	if (length > YAML_SIZE_LIMIT)
		return refuse_file(out_findings, why, "the policy is larger than 4 MiB",
				   "make it shorter");

	BL_CLEANUP(policy_unref) struct policy *policy = policy_new();

	if (!policy)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");
	crypto_generichash(policy->digest, sizeof(policy->digest), (const unsigned char *)bytes,
			   length, NULL, 0);
	if (!split_lines(policy, bytes, length, &has_memory)) {
		if (has_memory)
			return refuse_file(out_findings, why,
					   "the policy has more than 100000 lines",
					   "make it shorter");
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");
	}

	enum bl_status status = read_tree(policy, bytes, length, out_findings);

	if (status != BL_OK)
		return bl_fail(why, status, "no memory for the policy");
	rules_sort_findings(out_findings);
	if (has_error(out_findings))
		return refuse(out_findings, why);

	status = compile(policy, out_findings, why);
	if (status != BL_OK)
		return status;
	*out_policy = BL_TAKE(policy);
	return BL_OK;
}

/* ---- file to text ----------------------------------------------------------------------------- */

/* One byte more than allowed is read, so that a file that grows meanwhile is still told to be too large. */
static enum bl_status read_all(int fd, const char *path, char *bytes, size_t room,
			       size_t *out_length, struct bl_error *why)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(fd, bytes + length, room - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bl_fail_errno(why, BL_IO, "cannot read '%s'", path);
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*out_length = length;
	return BL_OK;
}

enum bl_status rules_load(const char *path, struct policy **out_policy,
			  struct rules_findings *out_findings, struct bl_error *why)
{
	/* O_NONBLOCK: a FIFO must not hang the daemon. */
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t length = 0;

	memset(out_findings, 0, sizeof(*out_findings));
	if (fd < 0)
		return bl_fail_errno(why,
				     errno == ENOENT || errno == ENOTDIR ? BL_NOT_FOUND : BL_IO,
				     "cannot open '%s'", path);
	if (fstat(fd, &st) != 0)
		return bl_fail_errno(why, BL_IO, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return refuse_file(out_findings, why, "not a regular file",
				   "give the path of a policy file");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse_file(
			out_findings, why, "writable by others than its owner",
			"chmod go-w the file: whoever can write it decides who may read");
	if (st.st_size > (off_t)YAML_SIZE_LIMIT)
		return refuse_file(out_findings, why, "the policy is larger than 4 MiB",
				   "make it shorter");

	BL_CLEANUP(bl_free) char *bytes = malloc(YAML_SIZE_LIMIT + 1);

	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "no memory for the policy");

	enum bl_status status = read_all(fd, path, bytes, YAML_SIZE_LIMIT + 1, &length, why);

	if (status != BL_OK)
		return status;
	return rules_parse(bytes, length, out_policy, out_findings, why);
}
