/*
 * Names in folders that ext4 encrypts (fscrypt), as Linux shows them to whoever has no key: a code that stands for the name and reads
 * nothing out of it. linux/fs/crypto/fname.c, "struct fscrypt_nokey_name": the folder's hash of the encrypted name, up to 149 of its
 * bytes, and the SHA-256 of what is behind these; in base64url (RFC 4648, section 5) without padding.
 */
#include "fs/image/reader/ext.h"

#include <sodium.h>
#include <string.h>

#define WHOLE_BYTES  149
#define DIGEST_BYTES crypto_hash_sha256_BYTES
#define HASHES	     8
#define ROUND	     3 /* linux/fs/ext4/ext4.h: EXT4_DIR_ROUND */

_Static_assert(sodium_base64_ENCODED_LEN(HASHES + WHOLE_BYTES + DIGEST_BYTES,
					 sodium_base64_VARIANT_URLSAFE_NO_PADDING) <= LOCKED_NAME,
	       "the longest code fits");

size_t locked_code(const uint32_t hashes[2], const uint8_t *name, size_t length,
		   char out[LOCKED_NAME])
{
	uint8_t raw[HASHES + WHOLE_BYTES + DIGEST_BYTES];
	size_t whole = BL_MIN(length, (size_t)WHOLE_BYTES), used = HASHES + whole;

	for (size_t i = 0; i < 2; i++) {
		uint32_t hash = ext2fs_cpu_to_le32(hashes[i]);

		memcpy(raw + 4 * i, &hash, sizeof(hash));
	}
	memcpy(raw + HASHES, name, whole);
	if (length > whole) {
		crypto_hash_sha256(raw + used, name + whole, length - whole);
		used += DIGEST_BYTES;
	}
	sodium_bin2base64(out, LOCKED_NAME, raw, used, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return strlen(out);
}

/* linux/fs/ext4/dir.c, is_dx_dir: others are shown without a hash. */
static bool is_hashed(struct ext_tree *ext, const struct ext2_inode_large *folder)
{
	return ext2fs_has_feature_dir_index(ext->fs->super) &&
	       ((folder->i_flags & (EXT2_INDEX_FL | EXT4_INLINE_DATA_FL)) ||
		folder->i_size == ext->fs->blocksize);
}

/* Where names are also folded the kernel cannot hash without the key, and keeps the hashes behind each name. */
static void kept_hashes(const struct ext2_dir_entry *entry, size_t length, uint32_t out[2])
{
	size_t at = (8 + length + ROUND) & ~(size_t)ROUND;

	if (at + HASHES > entry->rec_len)
		return;
	memcpy(out, (const uint8_t *)entry + at, HASHES);
	for (size_t i = 0; i < 2; i++)
		out[i] = ext2fs_le32_to_cpu(out[i]);
}

size_t locked_name(struct ext_tree *ext, const struct ext2_inode_large *folder,
		   const struct ext2_dir_entry *entry, size_t length, char out[LOCKED_NAME])
{
	const struct ext2_super_block *super = ext->fs->super;
	uint32_t hashes[2] = {0, 0};
	int version = super->s_def_hash_version;

	if (version <= EXT2_HASH_TEA && (super->s_flags & EXT2_FLAGS_UNSIGNED_HASH))
		version += EXT2_HASH_LEGACY_UNSIGNED - EXT2_HASH_LEGACY;
	if (folder->i_flags & EXT4_CASEFOLD_FL)
		kept_hashes(entry, length, hashes);
	else if (is_hashed(ext, folder) &&
		 ext2fs_dirhash(version, entry->name, (int)length, super->s_hash_seed, &hashes[0],
				&hashes[1]))
		hashes[0] = hashes[1] = 0;
	return locked_code(hashes, (const uint8_t *)entry->name, length, out);
}
