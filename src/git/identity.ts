/** Who commits: git's own identity, or none; never one that is made up from the machine's name. */
import { TrueupError } from "../model/errors.ts";
import type { Repository } from "./repository.ts";
import type { Identity } from "./types.ts";

/** The environment by which git takes these for author and committer. */
export function identityEnvironment(people: {
  author?: Identity | undefined;
  committer?: Identity;
}): Record<string, string> {
  const { author, committer } = people;
  return {
    ...(author !== undefined && { GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email }),
    ...(committer !== undefined && { GIT_COMMITTER_NAME: committer.name, GIT_COMMITTER_EMAIL: committer.email }),
  };
}

/** Whether git refused because it does not know who commits. Its messages are in English: `LC_ALL` is C. */
export function isIdentityError(stderr: string): boolean {
  return /auto-detection is disabled|identity unknown|empty ident name/i.test(stderr);
}

export function missingIdentity(where: string): TrueupError {
  return new TrueupError(
    "invalid",
    `Cannot commit in ${where} as git must know who commits: user.name or user.email is not set.`,
    {
      hint: 'Run `git config --global user.name "Your Name"` and `git config --global user.email you@example.org`.',
    },
  );
}

/** Whether git knows who commits here, from its configuration or the environment. */
export async function hasIdentity(repository: Repository): Promise<boolean> {
  for (const who of ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"]) {
    const { code, stderr } = await repository.run(["-c", "user.useConfigOnly=true", "var", who]);
    if (code === 0) continue;
    if (isIdentityError(stderr)) return false;
    await repository.git("read git's identity", ["-c", "user.useConfigOnly=true", "var", who]);
  }
  return true;
}
