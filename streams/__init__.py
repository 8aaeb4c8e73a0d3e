"""What happens as events flow: bus, release, supervision, projections, runners."""
