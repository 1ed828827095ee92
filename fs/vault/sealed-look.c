#include "fs/vault/sealed-format.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

uint64_t sealed_stored_bytes(const struct sealed_files *files)
{
	static const char *const NAMES[] = {"header", "data",	"index",  "keys",
					    "gaps",   "intake", "rewrite"};
	uint64_t bytes = 0;

	for (size_t i = 0; i < BL_COUNT(NAMES); i++) {
		struct stat st;

		if (fstatat(files->folder, NAMES[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_blocks * 512;
	}
	return bytes;
}

void sealed_facts_from(const struct sealed_files *files, const struct sealed_header *header,
		       struct sealed_facts *out_facts)
{
	*out_facts = (struct sealed_facts){.algorithm = header->algorithm,
					   .image_bytes = header->image_bytes,
					   .done_bytes = header->done_bytes,
					   .is_complete = header->state == SEALED_COMPLETE,
					   .stored_bytes = sealed_stored_bytes(files)};
	memcpy(out_facts->vault_id, header->vault_id, SEALED_ID);
	memcpy(out_facts->digest, header->digest, sizeof(out_facts->digest));
}

static enum bl_status look(int device_fd, const char *id, const uint8_t *root,
			   struct sealed_facts *out_facts, struct bl_error *why)
{
	struct sealed_files files = SEALED_FILES_NONE;
	struct sealed_header header;
	enum bl_status status = sealed_files_open(device_fd, false, &files, why);

	if (status != BL_OK)
		return status;
	status = sealed_header_peek(&files, id, root, &header, why);
	if (status == BL_OK)
		status = sealed_files_fit(&files, &header, why);
	if (status == BL_OK)
		sealed_facts_from(&files, &header, out_facts);
	sealed_files_close(&files);
	return status;
}

enum bl_status sealed_look(int device_fd, const char *id, struct sealed_facts *out_facts,
			   struct bl_error *why)
{
	return look(device_fd, id, NULL, out_facts, why);
}

enum bl_status sealed_look_proven(int device_fd, const char *id, const uint8_t root[VAULT_KEY],
				  struct sealed_facts *out_facts, struct bl_error *why)
{
	return look(device_fd, id, root, out_facts, why);
}
