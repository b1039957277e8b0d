/* Tests take some guards out, to see that the attacks on them succeed then: an attack that fails either way
 * proves nothing. The name says which guard stands there; only the build with REEVE_WITHOUT_GUARDS lacks it.
 */
#pragma once

#ifdef REEVE_WITHOUT_GUARDS
#define GUARDED(name) false
#else
#define GUARDED(name) true
#endif
