/* client.h - requests to a reader that may die, hang or lie, from any thread
 *
 * A request has two tries: the second on a new child, which it has to itself, so that what kills it
 * is the request's own fault. What fails twice is on the poison list; a reader that dies too often,
 * or sees other volumes than before, ends the image.
 *
 * Of an image of several volumes each one that was asked for when a reader died or hung has a reader of its own from then on, so that
 * none waits for another or is given up with it. Of these few are kept, since each may take as much memory as the limits of a reader
 * allow: one that is idle ends when that of another volume is wanted. A request is over after ten seconds, whatever it waits for.
 */
#ifndef FS_IMAGE_CLIENT_H
#define FS_IMAGE_CLIENT_H

#include "fs/image/child.h"
#include "fs/image/image.h"

#define IMAGE_TRY_MS	 4000u
#define IMAGE_REQUEST_MS 10000u
#define IMAGE_LEFT_ALONE                                                                           \
	2u /* volumes that may end a reader while it opens the image; with more there is no image */
#define IMAGE_OWN_READERS                                                                          \
	4u /* readers of one volume alone that an image has, but for those that are asked right now */
#define IMAGE_DEATHS                                                                               \
	5u /* in this time the image, or the volume that has a reader of its own, is given up */
#define IMAGE_DEATHS_NS	   UINT64_C(60000000000)
#define IMAGE_POISON_LIMIT 1024u /* inodes; then the oldest may try again */

struct image_client;

/*
 * image_client_open - start a reader and learn the volumes
 *
 * @bytes       copied; its context is borrowed until close
 * @out_volumes owned by the caller (free)
 * BL_OK, BL_INVALID (no volume), BL_IO, BL_TIMED_OUT, BL_NO_MEMORY, BL_FAILED (no program).
 */
enum bl_status image_client_open(const struct image_bytes *bytes,
				 const struct image_options *options,
				 struct image_client **out_client,
				 struct image_volume **out_volumes, size_t *out_count,
				 struct bl_error *why) BL_MUST_CHECK;
void image_client_close(struct image_client *client);
BL_DEFINE_CLEANUP(struct image_client, image_client_close)

/*
 * image_client_ask - one request; @out_reply->bytes is the caller's to free
 *
 * BL_OK also when the child named an error: see @out_reply->error, then there are no bytes.
 * BL_IO, BL_TIMED_OUT, BL_NO_MEMORY.
 *
 * image_client_until - when a request that begins now is over: one of several calls is, too
 */
uint64_t image_client_until(const struct image_client *client);
enum bl_status image_client_ask(struct image_client *client, const struct image_call *call,
				struct image_reply *out_reply, struct bl_error *why) BL_MUST_CHECK;

/*
 * image_client_read - all of @length bytes of the image for a file's contents; @call says which file
 *
 * What does not verify is told as trouble. BL_OK, BL_IO, BL_NO_MEMORY.
 */
enum bl_status image_client_read(const struct image_client *client, const struct image_call *call,
				 uint64_t offset, void *out, size_t length,
				 struct bl_error *why) BL_MUST_CHECK;

/* image_client_fail - an errno that the child named, as one of ours */
enum bl_status image_client_fail(int error, uint64_t inode, struct bl_error *why) BL_MUST_CHECK;

/*
 * image_client_refuse - an answer of good form said what cannot be: poison the inode; returns BL_IO
 *
 * @text        fixed words
 */
enum bl_status image_client_refuse(struct image_client *client, const struct image_call *call,
				   const char *text, struct bl_error *why) BL_MUST_CHECK;

#endif
