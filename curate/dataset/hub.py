"""Pushing a published version to the Hugging Face hub: plan, one commit, one tag.

Large files go up first, content-addressed, so that an interrupted push resumes
where it was; nothing is visible before the one commit that adds the version's
files, card included, and deletes what it no longer has. The tag comes last and
marks the version as pushed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.dataset.base import Progress, no_progress
from curate.dataset.hub_client import hub_api, told_errors
from curate.dataset.hub_files import local_files, ours, remote_files, same
from curate.errors import DatasetError
from curate.io import read_json, write_json

__all__ = ["PushPlan", "Pushed", "plan_push", "push", "push_once"]

RECORD = "hub.json"
"""In the dataset's folder: which version was pushed where, as which commit."""


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would do; nothing has been changed yet.

    Attributes:
        repo: `owner/name`.
        version: which becomes the tag.
        create: the repository does not exist.
        private: whether it is, or will be made, private.
        add: files that the repository lacks or has in another state.
        delete: files of earlier versions that this one does not have.
        unchanged: files that are there as they should be.
        n_bytes: size of what is added.
        head: commit that the plan was made on; None where there is none.
        done: commit that already holds this version under its tag.
    """

    repo: str
    version: str
    create: bool
    private: bool
    add: tuple[str, ...]
    delete: tuple[str, ...]
    unchanged: tuple[str, ...]
    n_bytes: int
    head: str | None
    done: str | None

    def __str__(self) -> str:
        if self.done:
            return f"{self.repo} holds {self.version} already"
        kind = "private" if self.private else "public"
        where = f"create {kind} {self.repo}, " if self.create else f"to {kind} {self.repo}: "
        return (
            f"{where}add {len(self.add)} files ({self.n_bytes / 1e6:.1f} MB), "
            f"delete {len(self.delete)}, keep {len(self.unchanged)}, tag {self.version}"
        )


@dataclass(frozen=True, slots=True)
class Pushed:
    """A version on the hub.

    Attributes:
        repo: `owner/name`; revision: the tag, to load exactly this version.
        commit: its id; url: its address.
        plan: what was to be done.
    """

    repo: str
    revision: str
    commit: str
    url: str
    plan: PushPlan


def plan_push(version: Path, repo: str, *, private: bool = True) -> PushPlan:
    """Compare a version's folder with the repository.

    Raises:
        DatasetError: no token, no access, a public repository where a private
            one is wanted, or a tag of this name that means other files.
    """
    with told_errors(repo):
        return _plan(hub_api(), version, repo, private=private)


def push(
    version: Path, repo: str, *, private: bool = True, progress: Progress = no_progress
) -> Pushed:
    """Bring a version to the hub, or find that it is there.

    Can be interrupted anywhere and called again: it ends in one commit with
    exactly the version's files.

    Args:
        version: its folder, e.g. `exports/samples/v0001`.
        repo: `owner/name`.
        private: of a repository that is made for it; an existing one must agree.
        progress: told the plan and what is being done.

    Raises:
        DatasetError: as `plan_push`, or the hub refused or ended with other files.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    with told_errors(repo):
        api = hub_api()
        plan = _plan(api, version, repo, private=private)
        progress(f"push: {plan}", 0, 0)
        if plan.done is None:
            if plan.create:
                api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
            commit = plan.head
            if plan.add or plan.delete or commit is None:
                operations: list[Any] = [
                    CommitOperationAdd(path, version / path) for path in plan.add
                ]
                operations += [CommitOperationDelete(path) for path in plan.delete]
                commit = api.create_commit(
                    repo,
                    operations,
                    commit_message=f"{version.parent.name} {version.name}",
                    repo_type="dataset",
                    # Somebody else's commit in between is refused, not overwritten.
                    parent_commit=plan.head,
                ).oid
            _verify(api, version, repo, str(commit))
            api.create_tag(
                repo, tag=version.name, revision=commit, repo_type="dataset", exist_ok=True
            )
        else:
            commit = plan.done
    url = f"{api.endpoint}/datasets/{repo}/tree/{version.name}"
    return Pushed(repo, version.name, str(commit), url, plan)


def push_once(version: Path, repo: str, *, private: bool, progress: Progress = no_progress) -> str:
    """Push a version unless the record says that it has been; returns its address.

    The record stands in the dataset's folder beside `latest.json`.
    """
    path = version.parent / RECORD
    record: dict[str, Any] = read_json(path) if path.exists() else {}
    told = record.get(repo, {}).get(version.name)
    if told is not None:
        return str(told["url"])
    pushed = push(version, repo, private=private, progress=progress)
    entry = {"commit": pushed.commit, "revision": pushed.revision, "url": pushed.url}
    record.setdefault(repo, {})[version.name] = entry
    write_json(path, record)
    return pushed.url


# ---------------------------------------------------------------------- inside


def _plan(api: Any, version: Path, repo: str, *, private: bool) -> PushPlan:
    from huggingface_hub.errors import RepositoryNotFoundError

    wanted = local_files(version)
    sizes = {path: (version / path).stat().st_size for path in wanted}
    try:
        info = api.repo_info(repo, repo_type="dataset")
    except RepositoryNotFoundError as error:
        if getattr(error.response, "status_code", None) == 401:
            raise
        return PushPlan(
            repo=repo,
            version=version.name,
            create=True,
            private=private,
            add=tuple(wanted),
            delete=(),
            unchanged=(),
            n_bytes=sum(sizes.values()),
            head=None,
            done=None,
        )
    if private and not info.private:
        raise DatasetError(
            f"{repo} is public, but dataset.hub_private=true; make it private, "
            "or set dataset.hub_private=false to publish there for all to see"
        )
    done = _tagged(api, version, repo, wanted)
    there = remote_files(api, repo, info.sha)
    add = [path for path in wanted if not same(version / path, there.get(path))]
    return PushPlan(
        repo=repo,
        version=version.name,
        create=False,
        private=bool(info.private),
        add=tuple(add),
        delete=tuple(sorted(path for path in there if path not in wanted and ours(path))),
        unchanged=tuple(path for path in wanted if path not in add),
        n_bytes=sum(sizes[path] for path in add),
        head=info.sha,
        done=done,
    )


def _tagged(api: Any, version: Path, repo: str, wanted: list[str]) -> str | None:
    """The commit that this version's tag names, None without the tag."""
    refs = api.list_repo_refs(repo, repo_type="dataset")
    commits = [tag.target_commit for tag in refs.tags if tag.name == version.name]
    if not commits:
        return None
    there = remote_files(api, repo, commits[0])
    whole = all(same(version / path, there.get(path)) for path in wanted)
    if not whole or any(path not in wanted for path in there if ours(path)):
        raise DatasetError(
            f"{repo} has a {version.name} with other files: its versions are not this dataset's; "
            "push to another repository, or delete that tag there"
        )
    return str(commits[0])


def _verify(api: Any, version: Path, repo: str, commit: str) -> None:
    """The commit holds exactly the version's files."""
    there = remote_files(api, repo, commit)
    wanted = local_files(version)
    wrong = [path for path in wanted if not same(version / path, there.get(path))]
    wrong += [path for path in there if path not in wanted and ours(path)]
    if wrong:
        raise DatasetError(
            f"{repo}: after the push {wrong[0]} is not as it should be ({len(wrong)} files); "
            "push again"
        )
