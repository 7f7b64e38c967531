"""hippo in other people's programs: each module needs an extra of its own, and nothing else imports it."""
