/* The policy as a file: read once, so that what was checked is what is loaded. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/daemon/state.h"
#include "policy/sign/minisign.h"
#include "policy/yaml/yaml.h"

/* Somebody wrote while it was read: what was read is no policy that anybody meant. */
static bool is_same_still(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_size == before->st_size &&
	       now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
}

/* Who could write into it could write the policy. */
static enum bl_status check_owner(const struct stat *stat, const char *path, uid_t owner,
				  struct bl_error *why)
{
	if (stat->st_uid != 0 && stat->st_uid != owner)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' belongs to uid %u, who could change it (chown %u %s)",
			       path, stat->st_uid, owner, path);
	if (stat->st_mode & 022)
		return bl_fail(why, BL_INVALID,
			       "policy '%s' can be written by others (chmod go-w %s)", path, path);
	return BL_OK;
}

static enum bl_status read_file(const char *path, uid_t owner, size_t limit, char **out_bytes,
				size_t *out_length, struct policy_identity *out_identity,
				struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return bl_fail_errno(why, errno == ENOENT ? BL_NOT_FOUND : BL_INVALID,
				     "cannot open policy '%s'", path);
	*out_identity =
		(struct policy_identity){stat.st_dev, stat.st_ino, stat.st_mode, stat.st_uid};
	if (!S_ISREG(stat.st_mode) || stat.st_size < 0 || (uint64_t)stat.st_size > limit)
		return bl_fail(why, BL_INVALID, "policy '%s' is not a file of at most %zu KiB",
			       path, limit >> 10);

	enum bl_status status = check_owner(&stat, path, owner, why);
	size_t length = (size_t)stat.st_size;
	BL_CLEANUP(bl_free) char *bytes = status == BL_OK ? malloc(length + 1) : NULL;

	if (status != BL_OK)
		return status;
	if (!bytes)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	if (read(fd, bytes, length) != (ssize_t)length || !is_same_still(fd, &stat))
		return bl_fail(why, BL_IO, "cannot read policy '%s'", path);
	bytes[length] = '\0';
	*out_bytes = BL_TAKE(bytes);
	*out_length = length;
	return BL_OK;
}

/* FILE.minisig; NULL when there is none. */
static enum bl_status read_signature(struct daemon *daemon, char **out_text, struct bl_error *why)
{
	char path[PATH_LIMIT + 16];
	struct policy_identity unused;
	size_t length;

	snprintf(path, sizeof(path), "%s.minisig", daemon->options->policy_path);
	enum bl_status status = read_file(path, daemon->owner, MINISIGN_TEXT_LIMIT, out_text,
					  &length, &unused, why);

	return status == BL_NOT_FOUND ? BL_OK : status;
}

/* The file and what lies beside it, as they are at one moment. */
struct policy_file {
	char *bytes, *signature; /* signature NULL: none */
	size_t length;
	struct policy_identity identity;
	uint8_t digest[crypto_generichash_BYTES];
};

static void policy_file_done(struct policy_file *file)
{
	free(file->bytes);
	free(file->signature);
}

static void make_digest(struct policy_file *file)
{
	crypto_generichash_state state;
	const char *signature = file->signature ? file->signature : "";

	crypto_generichash_init(&state, NULL, 0, sizeof(file->digest));
	crypto_generichash_update(&state, (const uint8_t *)file->bytes, file->length);
	crypto_generichash_update(&state, (const uint8_t *)signature, strlen(signature) + 1);
	crypto_generichash_final(&state, file->digest, sizeof(file->digest));
}

static enum bl_status read_both(struct daemon *daemon, struct policy_file *out_file,
				struct bl_error *why)
{
	enum bl_status status =
		read_file(daemon->options->policy_path, daemon->owner, YAML_SIZE_LIMIT,
			  &out_file->bytes, &out_file->length, &out_file->identity, why);

	if (status == BL_NOT_FOUND)
		status = BL_INVALID;
	if (status == BL_OK)
		status = read_signature(daemon, &out_file->signature, why);
	if (status == BL_OK)
		make_digest(out_file);
	return status;
}

/* @is_again: also when it is what was read last. */
static enum bl_status load(struct daemon *daemon, const struct peer *peer, const char *reason,
			   bool is_again, bool *out_is_old, struct bl_error *why)
{
	__attribute__((cleanup(policy_file_done))) struct policy_file file = {0};
	enum bl_status status = read_both(daemon, &file, why);

	pthread_mutex_lock(&daemon->life_lock);
	*out_is_old = status == BL_OK && !is_again &&
		      memcmp(daemon->policy_seen_digest, file.digest, sizeof(file.digest)) == 0;
	daemon->policy_seen = file.identity;
	memcpy(daemon->policy_seen_digest, file.digest, sizeof(file.digest));
	pthread_mutex_unlock(&daemon->life_lock);
	if (status != BL_OK) {
		policy_refused(daemon, why);
		return status;
	}
	if (*out_is_old)
		return BL_OK;
	const struct policy_text text = {
		.bytes = file.bytes,
		.length = file.length,
		.signature = file.signature,
		.name = daemon->options->policy_path,
		.reason = reason,
	};

	return policy_replace(daemon, &text, peer, why);
}

enum bl_status policy_load_file(struct daemon *daemon, const struct peer *peer, const char *reason,
				struct bl_error *why)
{
	bool is_old;

	if (!daemon->options->policy_path)
		return bl_fail(why, BL_INVALID,
			       "this service was started without --policy, so there is no file to "
			       "load again (bailee policy load FILE)");
	return load(daemon, peer, reason, true, &is_old, why);
}

static void tell(const struct daemon *daemon, enum bl_status status, const struct bl_error *why)
{
	if (status == BL_OK)
		fprintf(stderr, "info: daemon: policy '%s' loaded\n", daemon->options->policy_path);
	else
		fprintf(stderr, "error: daemon: policy stays as it was: %s\n", why->text);
}

void policy_reload(struct daemon *daemon)
{
	struct bl_error why = {{0}};

	tell(daemon, policy_load_file(daemon, NULL, NULL, &why), &why);
}

void policy_file_changed(struct daemon *daemon)
{
	struct bl_error why = {{0}};
	bool is_old;
	enum bl_status status = load(daemon, NULL, NULL, false, &is_old, &why);

	if (!is_old)
		tell(daemon, status, &why);
}
