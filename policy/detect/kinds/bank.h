/* bank.h - check digits of account numbers; private to policy/detect */
#ifndef POLICY_DETECT_KINDS_BANK_H
#define POLICY_DETECT_KINDS_BANK_H

#include "policy/detect/kind.h"

kind_check_fn bank_is_aba;     /* US routing number: nine digits, 3-7-1 */
kind_check_fn bank_is_blz;     /* DE Bankleitzahl */
kind_check_fn bank_is_rib;     /* FR: 23 characters, key mod 97 */
kind_check_fn bank_is_ccc;     /* ES: 20 digits, two check digits mod 11 */
kind_check_fn bank_is_it_bban; /* IT: CIN in front */
kind_check_fn bank_is_clabe;   /* MX: 18 digits, 3-7-1 */
kind_check_fn bank_is_nrb;     /* PL: 26 digits, mod 97 */
kind_check_fn bank_is_be;      /* BE: 12 digits, mod 97 */
kind_check_fn bank_is_bic;     /* ISO 9362: a country in the middle */

#endif
