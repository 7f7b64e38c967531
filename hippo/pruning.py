"""The pruning side of a memory: documents that a policy no longer keeps, listed first and deleted on demand."""

from dataclasses import replace

from hippo.checks import AsOf, Where, condition, moment, within
from hippo.deferred import in_thread_of
from hippo.errors import InputError
from hippo.protocols import ProgressCallback
from hippo.remembering import Remembering
from hippo.retrieval.profiles import Profile
from hippo.types import PrunedDocument

__all__ = ["Pruning"]


class Pruning(Remembering):
    """Pruning. Retention (`Profile.retention`) ranks and never deletes; this deletes, after it was shown what."""

    def prune(
        self,
        *,
        older_than: float | None = None,
        retention_below: float | None = None,
        where: Where = None,
        session: str | None = None,
        keep_newest: int = 0,
        as_of: AsOf = None,
        profile: str | Profile | None = None,
        dry_run: bool = True,
        forget: bool = False,
        progress: ProgressCallback | None = None,
    ) -> list[PrunedDocument]:
        """List the documents that a policy no longer keeps; with `dry_run=False` delete them, as `delete` does.

        What was remembered counts, and no language model is asked.

        A document goes if all that is given holds of it. One without timestamp has no age, and stays unless a condition
        alone says which go. Derived documents go with their sources.

        Args:
            older_than: Days; documents whose timestamp is further back.
            retention_below: What is left of them by the forgetting curve of the profile (`Profile.retention`:
                half-lives by kind, and how often passages were recalled), 0 to 1.
            where: Only documents whose metadata satisfy this.
            session: Only documents of this session.
            keep_newest: Of each session, and of the documents without one, as many of the newest stay in any case.
            as_of: From when ages count; None: from the newest timestamp.
            profile: Whose retention counts; None: the configuration's.
            dry_run: Only list them.
            forget: Leave nothing of them, no older versions either.
            progress: Is told of every step.

        Returns:
            What goes, the oldest first.

        Raises:
            FilterError: The condition is wrong.
            InputError: No policy was given, a number is out of range, or the profile has no forgetting curve.
            IndexBusyError: Another process is changing the index; listing waits for nobody, and writes nothing.
            DocumentError: Nothing was added or remembered yet.
        """
        from hippo.retrieval.policy import choose

        limits = (("older_than", older_than, float("inf")), ("retention_below", retention_below, 1.0))
        for name, value, most in limits:
            if value is not None and not (isinstance(value, int | float) and 0 <= value <= most):
                raise InputError(f"{name} must be a number from 0 to {most:g}, got {value!r}")
        if type(keep_newest) is not int or keep_newest < 0:
            raise InputError(f"keep_newest must be a whole number of at least 0, got {keep_newest!r}")
        chosen = within(session, where)
        if older_than is None and retention_below is None and chosen is None:
            raise InputError("say what goes: older_than, retention_below, where or session")
        reading = replace(self._profile(profile), retention_floor=0.0)
        if retention_below is not None and not reading.retention:
            problem = f"the profile {reading.name!r} has no forgetting curve, so it retains everything"
            raise InputError(f"retention_below: {problem}; give its `retention` half-lives, or name another profile")
        found = choose(
            self._contents_now(),
            condition(chosen),
            reading,
            self._recalls.counts(),
            until=moment(as_of),
            older_than=older_than,
            retention_below=retention_below,
            keep_newest=keep_newest,
        )
        if found and not dry_run:
            self.delete(*(one.document_id for one in found), forget=forget, progress=progress)
        return found

    aprune = in_thread_of(prune)
    """`prune` without blocking the event loop."""
