#include <stdio.h>

#include "policy/rules/rules.h"

enum bl_status rules_solo_text(uid_t uid, char *out, size_t size)
{
	static const char TEXT[] =
		"# The policy of 'bailee mount' without one: its user sees everything, masked.\n"
		"bailee: 1\n"
		"name: solo\n"
		"serial: 1\n"
		"timezone: UTC\n"
		"uses: [builtin/baseline]\n"
		"people:\n"
		"  'uid:%u': {roles: [owner]}\n"
		"roles:\n"
		"  owner: {}\n"
		"detect:\n"
		"  sets: [contact, payment, government-id, health, device, network, vehicle, "
		"secrets, location]\n"
		"  customer: true\n"
		"defaults: {access: forbid, mask: fill, unscanned: withhold}\n"
		"rules:\n"
		"  - id: solo-looks\n"
		"    permit: [list, stat, read, copy]\n"
		"    who: [owner]\n"
		"    why: You mounted this device yourself and see it masked.\n"
		"  - id: solo-runs\n"
		"    permit: [hold, release, shred, verify, intake, review, administer]\n"
		"    who: [owner]\n"
		"    why: You own this store and look after the devices in it.\n";
	int length = snprintf(out, size, TEXT, (unsigned)uid);

	return length > 0 && (size_t)length < size ? BL_OK : BL_TOO_LARGE;
}
